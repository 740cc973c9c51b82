import { type Encoding, encodingOf } from './encodings.ts'

/** A character set that results can come in. */
export interface Charset {
  /** mbmaxlen: by it a column's length in bytes is that of its longest text. */
  readonly maxBytes: number
  readonly encoding: Encoding
}

/** Bytes of the longest character, and the encoding (`bytes`: one that isn't known here). */
const SETS = {
  ascii: [1, 'bytes'],
  latin1: [1, 'windows-1252'],
  latin2: [1, 'iso-8859-2'],
  latin5: [1, 'windows-1254'],
  latin7: [1, 'iso-8859-13'],
  greek: [1, 'iso-8859-7'],
  hebrew: [1, 'iso-8859-8'],
  cp866: [1, 'ibm866'],
  cp1250: [1, 'windows-1250'],
  cp1251: [1, 'windows-1251'],
  cp1256: [1, 'windows-1256'],
  cp1257: [1, 'windows-1257'],
  koi8r: [1, 'koi8-r'],
  koi8u: [1, 'koi8-u'],
  macroman: [1, 'macintosh'],
  tis620: [1, 'windows-874'],
  /** armscii8, cp850, cp852, dec8, geostd8, hp8, keybcs2, macce, swe7 */
  others: [1, 'bytes'],
  big5: [2, 'big5'],
  gbk: [2, 'gbk'],
  sjis: [2, 'shift_jis'],
  euckr: [2, 'euc-kr'],
  ujis: [3, 'euc-jp'],
  gb18030: [4, 'gb18030'],
  ucs2: [2, 'utf-16be'],
  utf8mb3: [3, 'utf-8'],
  utf8mb4: [4, 'utf-8'],
  utf16: [4, 'utf-16be'],
  utf16le: [4, 'utf-16le'],
  utf32: [4, 'utf-32be'],
} as const
type SetName = keyof typeof SETS

/**
 * Ids of collations up to 1023 (information_schema.collations of MySQL 9.7, MariaDB 10.11 and
 * 11.8). What isn't listed is `others`.
 */
const IDS: readonly (readonly [from: number, to: number, SetName])[] = [
  [1, 1, 'big5'],
  [2, 2, 'latin2'],
  [5, 5, 'latin1'],
  [7, 7, 'koi8r'],
  [8, 8, 'latin1'],
  [9, 9, 'latin2'],
  [11, 11, 'ascii'],
  [12, 12, 'ujis'],
  [13, 13, 'sjis'],
  [14, 14, 'cp1251'],
  [15, 15, 'latin1'],
  [16, 16, 'hebrew'],
  [18, 18, 'tis620'],
  [19, 19, 'euckr'],
  [20, 20, 'latin7'],
  [21, 21, 'latin2'],
  [22, 22, 'koi8u'],
  [23, 23, 'cp1251'],
  [24, 24, 'gbk'], // gb2312
  [25, 25, 'greek'],
  [26, 26, 'cp1250'],
  [27, 27, 'latin2'],
  [28, 28, 'gbk'],
  [29, 29, 'cp1257'],
  [30, 30, 'latin5'],
  [31, 31, 'latin1'],
  [33, 33, 'utf8mb3'],
  [34, 34, 'cp1250'],
  [35, 35, 'ucs2'],
  [36, 36, 'cp866'],
  [39, 39, 'macroman'],
  [41, 42, 'latin7'],
  [44, 44, 'cp1250'],
  [45, 46, 'utf8mb4'],
  [47, 49, 'latin1'],
  [50, 52, 'cp1251'],
  [53, 53, 'macroman'],
  [54, 55, 'utf16'],
  [56, 56, 'utf16le'],
  [57, 57, 'cp1256'],
  [58, 59, 'cp1257'],
  [60, 61, 'utf32'],
  [62, 62, 'utf16le'],
  [65, 65, 'ascii'],
  [66, 66, 'cp1250'],
  [67, 67, 'cp1256'],
  [68, 68, 'cp866'],
  [70, 70, 'greek'],
  [71, 71, 'hebrew'],
  [74, 74, 'koi8r'],
  [75, 75, 'koi8u'],
  [76, 76, 'utf8mb3'],
  [77, 77, 'latin2'],
  [78, 78, 'latin5'],
  [79, 79, 'latin7'],
  [83, 83, 'utf8mb3'],
  [84, 84, 'big5'],
  [85, 85, 'euckr'],
  [86, 87, 'gbk'], // gb2312, gbk
  [88, 88, 'sjis'],
  [89, 89, 'tis620'],
  [90, 90, 'ucs2'],
  [91, 91, 'ujis'],
  [94, 94, 'latin1'],
  [95, 96, 'sjis'], // cp932
  [97, 98, 'ujis'], // eucjpms
  [99, 99, 'cp1250'],
  [101, 125, 'utf16'],
  [128, 159, 'ucs2'],
  [160, 183, 'utf32'],
  [192, 223, 'utf8mb3'],
  [224, 247, 'utf8mb4'],
  [248, 250, 'gb18030'],
  [255, 323, 'utf8mb4'],
  [576, 607, 'utf8mb3'],
  [608, 639, 'utf8mb4'],
  [640, 671, 'ucs2'],
  [672, 703, 'utf16'],
  [736, 767, 'utf32'],
]

/** MariaDB numbers its UCA-14.0.0 collations from here, 256 for each of these sets. */
const UCA1400 = 2048
const UCA1400_SETS: readonly SetName[] = ['utf8mb3', 'utf8mb4', 'ucs2', 'utf16', 'utf32']

/** MariaDB's collations without padding have the number of their twin and this bit. */
const NOPAD = 1024

/** The set of a collation's id, as a column definition gives it. */
export function charsetOf(collation: number): Charset {
  const [maxBytes, label] = SETS[setOf(collation)]
  return { maxBytes, encoding: encodingOf(label) }
}

function setOf(collation: number): SetName {
  if (collation >= UCA1400) return UCA1400_SETS[(collation - UCA1400) >> 8] ?? 'others'
  const id = collation >= NOPAD ? collation - NOPAD : collation
  return IDS.find(([from, to]) => id >= from && id <= to)?.[2] ?? 'others'
}
