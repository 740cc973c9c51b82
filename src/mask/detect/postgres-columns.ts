import type { Catalog, CatalogRelation } from '../../catalog/catalog.ts'
import { ClassifiedPatterns, NO_CLASS } from '../../catalog/classified-patterns.ts'
import { type OutputLineage, shownBy } from '../../sql/output-lineage.ts'
import { binaryArrays } from '../maskers/binary-arrays.ts'
import type { Masker, ResultColumn } from '../plan.ts'
import { EMPTY_HSTORE } from '../type-oids.ts'
import { shapeOf, type TypeShape } from '../types.ts'
import type { Detector } from './detector.ts'

type Types = Pick<Catalog, 'relation' | 'type'>

/** The masker of one column that passes; null where there is nothing to look at. */
export type PostgresLook = (
  column: ResultColumn,
  line: OutputLineage | undefined,
  catalog: Types,
) => Masker | null

/** record, and what has no type yet: unknown. */
const OTHER_TEXTS = [2249, 705]
const DOCUMENTS = ['json', 'jsonb']
const TEXTS = [...DOCUMENTS, 'text', 'bpchar', 'xml', 'composite']

/**
 * What looks at a column of PostgreSQL that passes: one of text, JSON or XML, of arrays or composites
 * of them, that is neither classified and cleared nor declared fit to see.
 */
export function postgresLook(
  detector: Detector,
  classified: Readonly<Record<string, string>>,
): PostgresLook {
  const patterns = new ClassifiedPatterns(classified)
  return (column, line, catalog) => {
    if (line && shownBy(line)) return null
    const relation = column.tableOid === 0 ? undefined : catalog.relation(column.tableOid)
    const known = relation?.columns.get(column.columnNumber)
    if (relation && known) {
      const declared = patterns.classOf(relation.schema, relation.name, known.name)
      if (known.dataClass !== null || declared === NO_CLASS) return null
    }
    return maskerOf(column, nameOf(column, relation), detector, catalog)
  }
}

/** schema.table.column, or that it is none. */
function nameOf(column: ResultColumn, relation: CatalogRelation | undefined): string {
  const name = relation?.columns.get(column.columnNumber)?.name
  if (!relation || name === undefined) return 'a computed column'
  return `${relation.schema}.${relation.name}.${name}`
}

function maskerOf(
  column: ResultColumn,
  name: string,
  detector: Detector,
  catalog: Types,
): Masker | null {
  const shape = shapeOf(column, catalog)
  if (shape === null && !OTHER_TEXTS.includes(column.typeOid)) return null
  if (shape && !isText(shape)) return null
  const document = shape !== null && DOCUMENTS.includes(shape.family)
  const masker = detector.masker(name, document)
  if (!shape?.array || !shape.binary) return masker
  const elementIsDocument = DOCUMENTS.includes(shape.array.element?.family ?? '')
  const element = detector.masker(name, elementIsDocument)
  const list = binaryArrays(shape.array.elementOid, null)
  return (cell) => list.map(cell, element)
}

function isText({ family, array, fixed }: TypeShape): boolean {
  if (fixed) return fixed === EMPTY_HSTORE
  if (array) return array.element !== null && isText(array.element)
  return TEXTS.includes(family)
}
