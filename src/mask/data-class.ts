import type { MaskConfig } from './plan.ts'

const REDACT: MaskConfig = { mask: 'redact', keepLast: null }

/** The mask of the longest prefix of a class: pii.email before pii; `redact` where there is none. */
export function maskOfClass(
  dataClass: string,
  masks: Readonly<Record<string, MaskConfig>>,
): MaskConfig {
  const parts = dataClass.split('.')
  for (let length = parts.length; length > 0; length--) {
    const prefix = parts.slice(0, length).join('.')
    const mask = Object.hasOwn(masks, prefix) ? masks[prefix] : undefined
    if (mask) return mask
  }
  return REDACT
}

/** Whether a pattern covers a class, part by part; * stands for anything within a part. */
export function coversClass(pattern: string, dataClass: string): boolean {
  const wanted = pattern.split('.')
  const parts = dataClass.split('.')
  return (
    wanted.length === parts.length && wanted.every((part, i) => coversPart(part, parts[i] ?? ''))
  )
}

function coversPart(pattern: string, part: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return pattern === part
  const last = rest.pop() ?? ''
  if (!part.startsWith(first)) return false
  let at = first.length
  for (const piece of rest) {
    const found = part.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return part.endsWith(last) && part.length - last.length >= at
}
