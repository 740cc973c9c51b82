import type { Effect } from '../statement.ts'
import {
  EFFECTS,
  HARMLESS_ON_BOTH,
  HARMLESS_ON_MARIADB,
  HARMLESS_ON_MYSQL,
  HARMLESS_ON_NEWER_MARIADB,
  LOCKS,
} from './builtin-functions.ts'
import type { Dialect } from './dialect.ts'

const words = (text: string) => text.trim().split(/\s+/)

const ON_MYSQL = new Set(words(HARMLESS_ON_BOTH + HARMLESS_ON_MYSQL))
const ON_MARIADB = new Set(words(HARMLESS_ON_BOTH + HARMLESS_ON_MARIADB))
const ON_NEWER_MARIADB = new Set([...ON_MARIADB, ...words(HARMLESS_ON_NEWER_MARIADB)])
const NEWER_MARIADB = 110100

export interface FunctionEffect {
  readonly effect: Effect
  readonly reason: string
}

const effects = new Map<string, FunctionEffect>()
for (const [effect, does, functions] of EFFECTS) {
  for (const name of words(functions)) {
    effects.set(name, { effect, reason: `${name.toUpperCase()}() ${does}` })
  }
}

export function effectOfFunction(name: string): FunctionEffect | undefined {
  return effects.get(name.toLowerCase())
}

/**
 * Whether this server itself has a harmless function of the name. A stored function can have the
 * name of one that its server lacks: the schema is asked first.
 */
export function isBuiltin(name: string, { flavour, version }: Dialect): boolean {
  const mariadb = version >= NEWER_MARIADB ? ON_NEWER_MARIADB : ON_MARIADB
  return (flavour === 'mysql' ? ON_MYSQL : mariadb).has(name.toLowerCase())
}

/**
 * A value given to one of them can be had again in another statement or session, or measured from
 * outside.
 */
const CARRIERS = new Set([
  'sleep',
  'benchmark',
  'last_insert_id',
  'setval',
  'kdf',
  ...LOCKS.split(' '),
])

export function isCarrier(name: string): boolean {
  return CARRIERS.has(name.toLowerCase())
}
