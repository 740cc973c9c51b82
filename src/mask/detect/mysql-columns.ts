import { type OutputLineage, shownBy } from '../../sql/output-lineage.ts'
import { encodingOf } from '../mysql/encodings.ts'
import { mysqlShapeOf } from '../mysql/types.ts'
import type { Masker, ResultColumn } from '../plan.ts'
import type { Detector } from './detector.ts'

/** The masker of one column that passes; null where there is nothing to look at. */
export type MysqlLook = (column: ResultColumn, line: OutputLineage | undefined) => Masker | null

/**
 * What looks at a column of MySQL that passes: one of text, JSON or bytes, which text is where results
 * aren't converted, unless it was cleared.
 */
export function mysqlLook(detector: Detector): MysqlLook {
  return (column, line) => {
    if (line && shownBy(line)) return null
    const shape = mysqlShapeOf(column)
    const name = nameOf(column)
    if (shape?.family === 'bytes') return detector.masker(name, false)
    if (shape?.family !== 'text' && shape?.family !== 'json') return null
    const { encoding, maxBytes } = shape.charset
    const document = shape.family === 'json'
    // In other sets a byte below 0x80 can be half of a character.
    const asciiAlone = maxBytes === 1 || encoding === encodingOf('utf-8')
    if (asciiAlone) return detector.masker(name, document)
    return detector.encodedMasker(name, encoding, document)
  }
}

/** As the server says it, by name. */
function nameOf({ origin }: ResultColumn): string {
  if (!origin || origin.table === '' || origin.column === '') return 'a computed column'
  return `${origin.schema}.${origin.table}.${origin.column}`
}
