/*
 * Ids of the server's own types (src/include/catalog/pg_type.dat).
 */

/** Array -> what its elements are. */
export const ELEMENTS: Readonly<Record<number, number>> = {
  143: 142, // xml
  199: 114, // json
  271: 5069, // xid8
  629: 628, // line
  651: 650, // cidr
  719: 718, // circle
  775: 774, // macaddr8
  791: 790, // money
  1000: 16, // bool
  1001: 17, // bytea
  1002: 18, // "char"
  1003: 19, // name
  1005: 21, // int2
  1007: 23, // int4
  1009: 25, // text
  1014: 1042, // bpchar
  1015: 1043, // varchar
  1016: 20, // int8
  1017: 600, // point
  1018: 601, // lseg
  1019: 602, // path
  1020: 603, // box
  1021: 700, // float4
  1022: 701, // float8
  1027: 604, // polygon
  1028: 26, // oid
  1040: 829, // macaddr
  1041: 869, // inet
  1115: 1114, // timestamp
  1182: 1082, // date
  1183: 1083, // time
  1185: 1184, // timestamptz
  1187: 1186, // interval
  1231: 1700, // numeric
  1270: 1266, // timetz
  1561: 1560, // bit
  1563: 1562, // varbit
  2951: 2950, // uuid
  3221: 3220, // pg_lsn
  3643: 3614, // tsvector
  3807: 3802, // jsonb
  3905: 3904, // int4range
  3907: 3906, // numrange
  3909: 3908, // tsrange
  3911: 3910, // tstzrange
  3913: 3912, // daterange
  3927: 3926, // int8range
  4073: 4072, // jsonpath
  6150: 4451, // int4multirange
  6151: 4532, // nummultirange
  6152: 4533, // tsmultirange
  6153: 4534, // tstzmultirange
  6155: 4535, // datemultirange
  6157: 4536, // int8multirange
}

/** The one whose arrays have ; between their elements: typdelim. */
export const BOX = 603

/** A text, and the same in binary, in hexadecimal. */
export type FixedValue = readonly [text: string, binary: string]

export const EMPTY_RANGE: FixedValue = ['empty', '01'] // RANGE_EMPTY, rangetypes.h
export const EMPTY_MULTIRANGE: FixedValue = ['{}', '00000000']

const zeros = (bytes: number) => '00'.repeat(bytes)
const NO_OBJECT: FixedValue = ['-', zeros(4)]

/** The value that stands for every value of a type of which no more can be made. */
export const FIXED: Readonly<Record<number, FixedValue>> = {
  24: NO_OBJECT, // regproc
  26: ['0', zeros(4)], // oid
  27: ['(0,0)', zeros(6)], // tid
  28: ['0', zeros(4)], // xid
  29: ['0', zeros(4)], // cid
  600: ['(0,0)', zeros(16)], // point
  601: ['[(0,0),(0,0)]', zeros(32)], // lseg
  602: ['((0,0))', `0100000001${zeros(16)}`], // path
  603: ['(0,0),(0,0)', zeros(32)], // box
  604: ['((0,0))', `00000001${zeros(16)}`], // polygon
  628: ['{0,1,0}', `${zeros(8)}3ff0000000000000${zeros(8)}`], // line
  650: ['0.0.0.0/32', '0220010400000000'], // cidr
  718: ['<(0,0),0>', zeros(24)], // circle
  774: ['00:00:00:00:00:00:00:00', zeros(8)], // macaddr8
  790: ['0.00', zeros(8)], // money
  829: ['00:00:00:00:00:00', zeros(6)], // macaddr
  869: ['0.0.0.0', '0220000400000000'], // inet
  2202: NO_OBJECT, // regprocedure
  2205: NO_OBJECT, // regclass
  2206: NO_OBJECT, // regtype
  3220: ['0/0', zeros(8)], // pg_lsn
  3614: ['', zeros(4)], // tsvector
  3734: NO_OBJECT, // regconfig
  3769: NO_OBJECT, // regdictionary
  3904: EMPTY_RANGE,
  3906: EMPTY_RANGE,
  3908: EMPTY_RANGE,
  3910: EMPTY_RANGE,
  3912: EMPTY_RANGE,
  3926: EMPTY_RANGE,
  4072: ['$', '0124'], // jsonpath: a version and the text
  4089: NO_OBJECT, // regnamespace
  4096: NO_OBJECT, // regrole
  4451: EMPTY_MULTIRANGE,
  4532: EMPTY_MULTIRANGE,
  4533: EMPTY_MULTIRANGE,
  4534: EMPTY_MULTIRANGE,
  4535: EMPTY_MULTIRANGE,
  4536: EMPTY_MULTIRANGE,
  5069: ['0', zeros(8)], // xid8
}

/** Types of extensions, by name: only a superuser makes a type that isn't made of others. */
export const EMPTY_HSTORE: FixedValue = ['', zeros(4)]
