/** Bytes. Up to here a text is judged on the data plane's own thread, when it is flat. */
const MAX_INLINE = 8 * 1024
/** A chain of some 6,000 operators overflows the grammar's stack; this stays well below. */
const MAX_INLINE_OPERATORS = 1000
const MAX_DEPTH = 200
const MAX_INLINE_STATEMENTS = 32
/** Code of the database is read once, and was made by whoever may make it. */
const MAX_CODE = 256 * 1024
const MAX_CODE_OPERATORS = 4000
const MAX_CODE_STATEMENTS = 5000
const SEMICOLON = 0x3b

interface Bounds {
  readonly length: number
  readonly operators: number
  readonly statements: number
}

const INLINE: Bounds = {
  length: MAX_INLINE,
  operators: MAX_INLINE_OPERATORS,
  statements: MAX_INLINE_STATEMENTS,
}
const CODE: Bounds = {
  length: MAX_CODE,
  operators: MAX_CODE_OPERATORS,
  statements: MAX_CODE_STATEMENTS,
}

/** Whether a text is small, and neither nested nor chained deeply enough to strain a stack. */
export function isFlat(bytes: Buffer): boolean {
  return isWithin(bytes, INLINE)
}

/** The same for code that stands in the database, which may be longer. */
export function isFlatCode(bytes: Buffer): boolean {
  return isWithin(bytes, CODE)
}

function isWithin(bytes: Buffer, bounds: Bounds): boolean {
  if (bytes.length > bounds.length) return false
  let depth = 0
  let operators = 0
  let statements = 0
  for (const byte of bytes) {
    if (byte === 0x28 || byte === 0x5b) depth++
    else if (byte === 0x29 || byte === 0x5d) depth--
    else if (OPERATORS[byte] === 1) operators++
    else if (byte === SEMICOLON) statements++
    if (depth > MAX_DEPTH || operators > bounds.operators) return false
    if (statements > bounds.statements) return false
  }
  return bytes.length <= bounds.operators * 4 || countWords(bytes) <= bounds.operators
}

const OPERATORS = new Uint8Array(256)
for (const operator of '+-*/<>=~!@#%^&|`?:') OPERATORS[operator.charCodeAt(0)] = 1

/** Words that can form chains: NOT, CASE, UNION, SELECT ... */
function countWords(bytes: Buffer): number {
  const words = /\b(?:not|case|union|intersect|except|select|is|collate|at|join|over)\b/gi
  let count = 0
  for (const _ of bytes.toString('latin1').matchAll(words)) count++
  return count
}
