/** Bytes. Up to here a text is judged on the data plane's own thread, when it is flat. */
const MAX_INLINE = 16 * 1024
/** A chain of some 6,000 operators overflows the grammar's stack; this stays well below. */
const MAX_INLINE_OPERATORS = 2000
const MAX_INLINE_DEPTH = 200
const MAX_INLINE_STATEMENTS = 100
const SEMICOLON = 0x3b

/** Whether a text is small, and neither nested nor chained deeply enough to strain a stack. */
export function isFlat(bytes: Buffer): boolean {
  if (bytes.length > MAX_INLINE) return false
  let depth = 0
  let operators = 0
  let statements = 0
  for (const byte of bytes) {
    if (byte === 0x28 || byte === 0x5b) depth++
    else if (byte === 0x29 || byte === 0x5d) depth--
    else if (OPERATORS[byte] === 1) operators++
    else if (byte === SEMICOLON) statements++
    if (depth > MAX_INLINE_DEPTH || operators > MAX_INLINE_OPERATORS) return false
    if (statements > MAX_INLINE_STATEMENTS) return false
  }
  return bytes.length <= MAX_INLINE_OPERATORS * 4 || countWords(bytes) <= MAX_INLINE_OPERATORS
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
