import type { OwnReply } from '../dialogue.ts'
import type { Request } from '../requests.ts'
import { cstring, int16, int32, message } from './framing.ts'
import { encodeParse } from './frontend-messages.ts'
import * as type from './message-types.ts'

/** See WireProtocol. */
export function withText(
  request: Extract<Request, { kind: 'query' | 'prepare' }>,
  sql: string,
): Buffer {
  if (request.kind === 'query') return message(type.QUERY, cstring(sql))
  return encodeParse(request.statement, Buffer.from(sql, 'utf8'))
}

/** No name in it can lead elsewhere; an empty query has no result, in a failed transaction too. */
export function nothingOf(columns: readonly string[]): string {
  if (columns.length === 0) return ''
  const items = columns.map((name) => `''::pg_catalog.text AS "${name}"`)
  return `SELECT ${items.join(', ')} WHERE false`
}

/** Rows of text, whose two formats are the same bytes, and the command's end. */
export function encodeOwnReply({ tag, rows }: OwnReply): Buffer {
  const encoded = rows.map((row) => {
    const cells = row.flatMap((text) => {
      const bytes = Buffer.from(text.replaceAll('\0', ''), 'utf8')
      return [int32(bytes.length), bytes]
    })
    return message(type.DATA_ROW, int16(row.length), ...cells)
  })
  return Buffer.concat([...encoded, message(type.COMMAND_COMPLETE, cstring(tag))])
}
