import { stringify } from 'yaml'
import type { Effect } from '../sql/statement.ts'

/** What was approved again and again. */
export interface Repeated {
  readonly agent: string
  readonly database: string
  readonly verb: string
  readonly effects: readonly Effect[]
  /** schema.name */
  readonly tables: readonly string[]
  /** Rules that asked for each approval. */
  readonly rules: readonly string[]
  /** How often people let it run. */
  readonly approved: number
  /** The greatest number of rows that it has read or changed, by the real count. */
  readonly rows: number
}

/** Effects that no count of rows bounds. */
const NEVER: ReadonlySet<Effect> = new Set([
  'export',
  'ddl',
  'privilege',
  'server',
  'probe',
  'opaque',
])

/**
 * A rule, as YAML to copy, that would let pass what people have let pass so often; null for what a
 * rule can't bound. It is text: nothing ever applies it.
 */
export function proposedRule(what: Repeated): string | null {
  const { agent, database, verb, effects, tables, rules, approved, rows } = what
  if (effects.length === 0 || tables.length === 0) return null
  if (effects.some((effect) => NEVER.has(effect))) return null
  // A name with a star in it would be a pattern, and allow more than what has that name.
  if ([agent, database, verb, ...tables].some((name) => name.includes('*'))) return null
  const rule = {
    name: nameOf(what),
    when: { agent, database, verb, effect: [...effects], tables: [...tables] },
    // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
    then: { allow: { max_rows: Math.max(1, rows) } },
  }
  const said = [
    `People let this pass ${approved} times. It is wider than what they signed: any ${verb} of this`,
    `agent on these tables, up to the most rows that one of them had. Put it above ${rules.join(', ')}.`,
  ]
  return `${said.map((line) => `# ${oneLine(line)}\n`).join('')}${stringify([rule], { lineWidth: 0 })}`
}

function nameOf({ agent, verb, tables }: Repeated): string {
  const words =
    [agent, verb, ...tables]
      .join(' ')
      .toLowerCase()
      .match(/[a-z0-9]+/g) ?? []
  return words.join('-').slice(0, 80)
}

/** What stands in a comment can't end it. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ')
}
