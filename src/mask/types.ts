import type { Catalog } from '../catalog/catalog.ts'
import {
  BOX,
  ELEMENTS,
  EMPTY_HSTORE,
  EMPTY_MULTIRANGE,
  EMPTY_RANGE,
  FIXED,
  type FixedValue,
} from './type-oids.ts'

/** Kinds of types whose values are masked alike. */
export type Family =
  | 'bool'
  | 'int2'
  | 'int4'
  | 'int8'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'bpchar'
  | 'char'
  | 'bytea'
  | 'date'
  | 'time'
  | 'timetz'
  | 'timestamp'
  | 'timestamptz'
  | 'interval'
  | 'uuid'
  | 'json'
  | 'jsonb'
  | 'xml'
  | 'bit'
  | 'array'
  | 'composite'
  /** One of which a single value can be made. */
  | 'fixed'

/** pg_type.oid of the types that can be masked within their type (src/include/catalog/pg_type.dat). */
const FAMILIES: Readonly<Record<number, Family>> = {
  16: 'bool',
  17: 'bytea',
  18: 'char',
  19: 'text', // name
  20: 'int8',
  21: 'int2',
  23: 'int4',
  25: 'text',
  114: 'json',
  142: 'xml',
  700: 'float4',
  701: 'float8',
  1042: 'bpchar',
  1043: 'text', // varchar
  1082: 'date',
  1083: 'time',
  1114: 'timestamp',
  1184: 'timestamptz',
  1186: 'interval',
  1266: 'timetz',
  1560: 'bit',
  1562: 'bit', // varbit
  1700: 'numeric',
  2950: 'uuid',
  3802: 'jsonb',
}

/** VARHDRSZ: what a type modifier of varchar, char and numeric has on top. */
const HEADER = 4

/** What a masked value has to fit into. */
export interface TypeShape {
  readonly family: Family
  /** Characters that a text may have; null: any number. */
  readonly maxLength: number | null
  /** Of numeric(p, s); null: any. */
  readonly numeric: { readonly precision: number; readonly scale: number } | null
  /** 0 text, 1 binary. */
  readonly binary: boolean
  /** Of bit(n): n. */
  readonly bits?: number
  readonly array?: ArrayShape
  readonly fixed?: FixedValue
}

export interface ArrayShape {
  readonly elementOid: number
  /** Null where an element can only become NULL. */
  readonly element: TypeShape | null
  /** What stands between elements in text. */
  readonly delimiter: string
}

/** How deep domains over domains, and arrays of domains over arrays, are followed. */
const DEEPEST = 32
/** Bits; a longer bit(n) becomes NULL rather than as many zeros. */
const LONGEST_BIT = 65_536
/** Types below this oid are the server's own (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16_384

type Types = Pick<Catalog, 'type'>

/**
 * The shape of a column's values; null for a type whose values can only become NULL: enums, records
 * without a type, and all that isn't known here.
 */
export function shapeOf(
  column: { typeOid: number; typeModifier: number; format: number },
  catalog: Types,
): TypeShape | null {
  if (column.format !== 0 && column.format !== 1) return null
  return shapeWithin(column.typeOid, column.typeModifier, column.format === 1, catalog, DEEPEST)
}

function shapeWithin(
  typeOid: number,
  typeModifier: number,
  binary: boolean,
  catalog: Types,
  depth: number,
): TypeShape | null {
  const oid = baseOf(typeOid, catalog)
  const bare = { maxLength: null, numeric: null, binary }
  const elementOid = elementOf(oid, catalog)
  if (elementOid !== null) {
    const element =
      depth > 0 ? shapeWithin(elementOid, typeModifier, binary, catalog, depth - 1) : null
    const delimiter = baseOf(elementOid, catalog) === BOX ? ';' : ','
    return { ...bare, family: 'array', array: { elementOid, element, delimiter } }
  }
  const fixed = fixedOf(oid, catalog)
  if (fixed) return { ...bare, family: 'fixed', fixed }
  if (oid >= FIRST_NORMAL_OID && catalog.type(oid)?.kind === 'c') {
    return { ...bare, family: 'composite' }
  }
  const family = familyOf(oid, catalog)
  if (family === undefined) return null
  if (family === 'bit') return bitShape(oid, typeModifier, binary)
  const modifier = typeModifier - HEADER
  const limited = modifier >= 0
  const isText = family === 'text' || family === 'bpchar'
  return {
    family,
    maxLength: oid === 19 ? 63 : isText && limited ? modifier : null,
    numeric: family === 'numeric' && limited ? numericShape(modifier) : null,
    binary,
  }
}

function familyOf(oid: number, catalog: Types): Family | undefined {
  return isNamed(oid, 'citext', catalog) ? 'text' : FAMILIES[oid]
}

/** The modifier of bit(n) is n; varbit needs none of its bits. */
function bitShape(oid: number, typeModifier: number, binary: boolean): TypeShape | null {
  const bits = oid === 1560 ? Math.max(typeModifier, 0) : 0
  if (bits > LONGEST_BIT) return null
  return { family: 'bit', maxLength: null, numeric: null, binary, bits }
}

function fixedOf(oid: number, catalog: Types): FixedValue | undefined {
  if (isNamed(oid, 'hstore', catalog)) return EMPTY_HSTORE
  const kind = oid >= FIRST_NORMAL_OID ? catalog.type(oid)?.kind : undefined
  return kind === 'r' ? EMPTY_RANGE : kind === 'm' ? EMPTY_MULTIRANGE : FIXED[oid]
}

/** A type of an extension. Only a superuser makes one that isn't made of others. */
function isNamed(oid: number, name: string, catalog: Types): boolean {
  const type = oid >= FIRST_NORMAL_OID ? catalog.type(oid) : undefined
  return type?.kind === 'b' && type.name === name
}

/** What the elements of an array type are; null for any other type. */
function elementOf(oid: number, catalog: Types): number | null {
  if (oid < FIRST_NORMAL_OID) return ELEMENTS[oid] ?? null
  return catalog.type(oid)?.elementOid ?? null
}

/** Precision in the upper half, scale in the lower eleven bits, signed (numeric.c). */
function numericShape(modifier: number): { precision: number; scale: number } {
  return { precision: (modifier >> 16) & 0xffff, scale: ((modifier & 0x7ff) ^ 1024) - 1024 }
}

function baseOf(oid: number, catalog: Types): number {
  let base = oid
  for (let depth = 0; depth < DEEPEST; depth++) {
    const type = catalog.type(base)
    if (type?.kind !== 'd' || type.baseOid === 0) return base
    base = type.baseOid
  }
  return 0
}
