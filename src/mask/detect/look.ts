import { findCards } from './cards.ts'
import type { Detection, Finder, Finding } from './kinds.ts'
import { findNationalIds } from './national-ids.ts'
import { findPrivateKeys } from './private-keys.ts'
import { findServiceKeys } from './service-keys.ts'

/** One finder for all kinds that are asked for. What it finds is in order and doesn't overlap. */
export function finderOf(kinds: readonly Detection[]): Finder {
  const wants = (kind: Detection) => kinds.includes(kind)
  const service = (['api-key', 'token'] as const).find(wants)
  const finders: Finder[] = [
    ...(wants('private-key') ? [findPrivateKeys] : []),
    ...(service ? [(text: string) => findServiceKeys(text, service)] : []),
    ...(wants('card') ? [findCards] : []),
    ...(wants('national-id') ? [findNationalIds] : []),
  ]
  return (text) => disjoint(finders.flatMap((find) => find(text)))
}

/** Pieces that overlap become one, of the kind of the first. */
function disjoint(found: readonly Finding[]): readonly Finding[] {
  if (found.length < 2) return found
  const ordered = found.toSorted((one, other) => one.start - other.start)
  const out: Finding[] = []
  for (const piece of ordered) {
    const last = out.at(-1)
    if (last === undefined || piece.start >= last.end) out.push(piece)
    else out[out.length - 1] = { ...last, end: Math.max(last.end, piece.end) }
  }
  return out
}
