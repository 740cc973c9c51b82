/**
 * How masks read the values of one column and write others in their place, whatever the protocol,
 * the type and the format. What is written always fits the type and its limits.
 */
export type Values =
  | TextValues
  | NumberValues
  | ByteValues
  | DocumentValues
  | DateValues
  | ListValues
  | RecordValues
  | PlainValues

interface AnyValues {
  /** Stands for every value: it tells that there is one, and nothing else. */
  readonly redacted: Buffer
}

export interface TextValues extends AnyValues {
  readonly kind: 'text'
  /** Characters that a value may have; null: any number. */
  readonly limit: number | null
  /** True where each byte below 0x80 is a character of ASCII. */
  readonly asciiBytes: boolean
  read(cell: Buffer): string
  /** What is hashed, in UTF-8: the same for the same text in every encoding. */
  content(cell: Buffer): Buffer | string
  /** Cuts a text that is too long. */
  write(text: string): Buffer
}

export interface NumberValues extends AnyValues {
  readonly kind: 'number'
  /** The first number too large for a hash of the type; null: it has no room for one. */
  readonly room: bigint | null
  /** False where the last digits mean nothing: of floating point. */
  readonly exact: boolean
  /** In decimal digits, one spelling for each value; null where the bytes aren't a number. */
  read(cell: Buffer): string | null
  /** The caller keeps it from 0 to the type's largest. */
  write(value: bigint): Buffer
}

/** Strings of bytes, and values of 16 bytes that have a form of their own. */
export interface ByteValues extends AnyValues {
  readonly kind: 'bytes'
  readonly uuid: boolean
  /** Null where the bytes can't be read. */
  read(cell: Buffer): Buffer | null
  /** Cuts what is too long. */
  write(bytes: Buffer): Buffer
}

/** JSON and XML. */
export interface DocumentValues extends AnyValues {
  readonly kind: 'document'
  content(cell: Buffer): Buffer | string
  /** As a document that is this word. */
  write(word: string): Buffer
}

export interface DateValues extends AnyValues {
  readonly kind: 'date'
  /** Null where it can't be told. */
  year(cell: Buffer): number | null
  /** The beginning of a year from 1 to 9999. */
  newYear(year: number): Buffer
  /** What a value tells: a day, a moment, or a year alone. */
  readonly unit: 'day' | 'moment' | 'year'
  /**
   * Days from 1970-01-01, or microseconds, in UTC where the type knows of zones; null where it can't
   * be told, and outside the years 1 to 9999.
   */
  moment(cell: Buffer): number | bigint | null
  /** So many days, or whole seconds, from 1970-01-01. */
  at(count: number): Buffer
}

/** Arrays. */
export interface ListValues extends AnyValues {
  readonly kind: 'list'
  /** How elements are masked; null where they can't be: then the list is emptied. */
  readonly elements: Values | null
  /** Masks each element but NULLs; the bounds stay. What can't be read is emptied. */
  map(cell: Buffer, masker: (element: Buffer) => Buffer | null): Buffer
}

/** Composites. */
export interface RecordValues {
  readonly kind: 'record'
  /** The same with all its fields NULL; null where it can't be read. */
  hidden(cell: Buffer): Buffer | null
}

/** Values of which every mask but `null` makes the same. */
export interface PlainValues extends AnyValues {
  readonly kind: 'plain'
}
