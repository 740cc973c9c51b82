import type { ShownParameter } from '../approval/request.ts'
import type { CatalogSource } from '../catalog/catalog.ts'
import type { Parameter } from '../wire/requests.ts'
import type { ValueTypes } from './services.ts'
import { shownText } from './shown-text.ts'

/** Types below this oid are the server's own (FirstNormalObjectId, transam.h). */
const FIRST_NORMAL_OID = 16_384

/** Values that a PostgreSQL client binds; their types as the schema's newest reading has them. */
export function postgresValues(catalog: () => CatalogSource): ValueTypes {
  const nameOf = (oid: number) => catalog().current.type(oid)?.name ?? null
  return {
    name: nameOf,
    runsCode: (oid) => oid >= FIRST_NORMAL_OID && (catalog().current.type(oid)?.runsCode ?? true),
    show: ({ typeOid, format, value }: Parameter): ShownParameter => {
      const type = typeOid === 0 ? null : (nameOf(typeOid) ?? `type ${typeOid}`)
      if (value === null) return { type, value: null }
      const text = format === 0 ? value.toString('utf8') : showBinary(type, value)
      return { type, value: shownText(text) }
    },
  }
}

const BINARY: Readonly<Record<string, (value: Buffer) => string>> = {
  bool: (value) => (value[0] === 0 ? 'false' : 'true'),
  int2: (value) => String(value.readInt16BE(0)),
  int4: (value) => String(value.readInt32BE(0)),
  int8: (value) => String(value.readBigInt64BE(0)),
  oid: (value) => String(value.readUInt32BE(0)),
  float4: (value) => String(value.readFloatBE(0)),
  float8: (value) => String(value.readDoubleBE(0)),
  text: (value) => value.toString('utf8'),
  varchar: (value) => value.toString('utf8'),
  bpchar: (value) => value.toString('utf8'),
  name: (value) => value.toString('utf8'),
  json: (value) => value.toString('utf8'),
  jsonb: (value) => value.toString('utf8', 1),
  uuid: (value) =>
    value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
}
const FIXED: Readonly<Record<string, number>> = {
  bool: 1,
  int2: 2,
  int4: 4,
  int8: 8,
  oid: 4,
  float4: 4,
  float8: 8,
  uuid: 16,
}

function showBinary(type: string | null, value: Buffer): string {
  const show = type === null ? undefined : BINARY[type]
  const length = type === null ? undefined : FIXED[type]
  const fits = length === undefined || length === value.length
  return show && fits ? show(value) : `\\x${value.toString('hex')}`
}
