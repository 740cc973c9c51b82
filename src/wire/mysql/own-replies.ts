import type { Request } from '../requests.ts'
import { COM_QUERY, COM_STMT_PREPARE } from './commands.ts'
import { message } from './packets.ts'
import { lenencBytes, uint8 } from './payload.ts'

/** The longest text that the columns of an own reply announce, in characters. */
const MAX_TEXT = 1000
/** The first two bits of a row's NULL bitmap are reserved. */
const BITMAP_OFFSET = 2

/** See WireProtocol. */
export function withText(
  request: Extract<Request, { kind: 'query' | 'prepare' }>,
  sql: string,
): Buffer {
  const command = request.kind === 'query' ? COM_QUERY : COM_STMT_PREPARE
  return message(0, uint8(command), Buffer.from(sql, 'latin1'))
}

/** Means the same in every sql_mode and character set that is accepted. */
export function nothingOf(columns: readonly string[]): string {
  if (columns.length === 0) return 'DO 0'
  const items = columns.map((name) => `CAST('' AS CHAR(${MAX_TEXT})) AS \`${name}\``)
  return `SELECT ${items.join(', ')} FROM DUAL WHERE 1 = 0`
}

/** One row of texts (manual, "Text Resultset Row", "Binary Protocol Resultset Row"). */
export function encodeOwnRow(
  texts: readonly string[],
  options: { readonly binary: boolean; readonly unicode: boolean },
): Buffer {
  const cells = texts.map((text) => {
    const short = [...text].slice(0, MAX_TEXT).join('')
    const plain = options.unicode ? short : short.replace(/[^\x20-\x7e\s]/gu, '?')
    return lenencBytes(Buffer.from(plain, 'utf8'))
  })
  if (!options.binary) return Buffer.concat(cells)
  const bitmap = Buffer.alloc((texts.length + BITMAP_OFFSET + 7) >> 3)
  return Buffer.concat([uint8(0), bitmap, ...cells])
}
