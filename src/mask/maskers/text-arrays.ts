import type { Masker } from '../plan.ts'
import type { ListValues, Values } from '../values.ts'

const EMPTY = Buffer.from('{}')
/** Bounds that don't begin at 1: [0:2][-1:3]= (manual, "Array Input and Output Syntax"). */
const BOUNDS = /^(?:\[[+-]?\d+:[+-]?\d+\])+=/
const NULL = /^null$/i
/** MAXDIM, c.h. */
const DEEPEST = 6

/** Arrays in text, as array_out writes them: {a,"b c",NULL}. */
export function textArrays(delimiter: string, elements: Values | null): ListValues {
  return {
    kind: 'list',
    redacted: EMPTY,
    elements,
    map: (cell, masker) => {
      // A character for each byte: what the marks are is the same in every UTF-8 text.
      const masked = maskElements(cell.toString('latin1'), delimiter, masker)
      return masked === null ? EMPTY : Buffer.from(masked, 'latin1')
    },
  }
}

/** Null where the text isn't an array. */
function maskElements(text: string, delimiter: string, masker: Masker): string | null {
  const bounds = BOUNDS.exec(text)?.[0] ?? ''
  const out = [bounds]
  let at = bounds.length
  let depth = 0
  while (at < text.length) {
    const mark = text[at] as string
    if (mark === '{' || mark === '}') {
      depth += mark === '{' ? 1 : -1
      out.push(mark)
      at++
      if (depth > DEEPEST || depth < 0) return null
      if (depth === 0) return at === text.length ? out.join('') : null
    } else if (depth === 0) {
      return null
    } else if (mark === delimiter) {
      out.push(mark)
      at++
    } else {
      const end = mark === '"' ? endOfQuoted(text, at) : endOfPlain(text, at, delimiter)
      if (end === null) return null
      out.push(maskedElement(text.slice(at, end), masker))
      at = end
    }
  }
  return null
}

function endOfQuoted(text: string, from: number): number | null {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at + 1
  }
  return null
}

function endOfPlain(text: string, from: number, delimiter: string): number | null {
  for (let at = from; at < text.length; at++) {
    const mark = text[at] as string
    if (mark === delimiter || mark === '}') return at
    if (mark === '{' || mark === '"' || mark === '\\') return null
  }
  return null
}

function maskedElement(written: string, masker: Masker): string {
  if (NULL.test(written)) return written
  const isQuoted = written.startsWith('"')
  const value = isQuoted ? written.slice(1, -1).replace(/\\([\s\S])/g, '$1') : written
  const cell = masker(Buffer.from(value, 'latin1'))
  return cell === null ? 'NULL' : `"${cell.toString('latin1').replace(/["\\]/g, '\\$&')}"`
}
