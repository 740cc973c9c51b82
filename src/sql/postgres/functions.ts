import type { Effect } from '../statement.ts'
import * as reviewed from './builtin-functions.ts'

/** What calling a function does, beyond computing a value from its arguments. */
export interface BuiltinUse {
  readonly effects: readonly Effect[]
  readonly reason: string
  /** Its arguments can be seen by others, or later: classified values handed to it are an export. */
  readonly sink: boolean
}

function namesIn(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

const DANGEROUS: ReadonlyMap<string, BuiltinUse> = new Map(
  reviewed.DANGEROUS_FUNCTIONS.flatMap(([effects, reason, names, sink]) =>
    namesIn(names).map((name) => [name, { effects, reason, sink: sink === 'sink' }] as const),
  ),
)

const FAMILIES = [...DANGEROUS].flatMap(([name, use]) =>
  name.endsWith('*') ? [[name.slice(0, -1), use] as const] : [],
)

/** What a function of this name does beyond computing; undefined where nothing is known against it. */
export function builtinUse(name: string): BuiltinUse | undefined {
  return DANGEROUS.get(name) ?? FAMILIES.find(([prefix]) => name.startsWith(prefix))?.[1]
}

const REVIEWED: ReadonlySet<string> = new Set(
  [reviewed.HARMLESS_BUILTINS, reviewed.INTERNAL_BUILTINS, reviewed.JUDGED_BUILTINS].flatMap(
    namesIn,
  ),
)

/** Whether a volatile function of the server was reviewed, one way or the other. */
export function isReviewed(name: string): boolean {
  return REVIEWED.has(name) || builtinUse(name) !== undefined
}

/** Extensions whose functions compute from their arguments alone, those of the table excepted. */
export const TRANSPARENT_EXTENSIONS: ReadonlySet<string> = new Set(
  namesIn(reviewed.TRANSPARENT_EXTENSIONS),
)

/** Volatile functions of those extensions that are harmless all the same. */
export const HARMLESS_VOLATILE: ReadonlySet<string> = new Set(
  namesIn(reviewed.HARMLESS_OF_EXTENSIONS),
)
