import { effectOfFunction, isBuiltin } from '../functions.ts'
import { type Column, counted, NONE, type Sources, union, unknownSource } from './columns.ts'
import type { Common, Context } from './context.ts'
import type { Scope } from './scope.ts'
import type { Expression } from './tree.ts'

/** What a value is computed from, as far as that is classified or unknown. */
export function sourcesOf(
  context: Context,
  value: Expression,
  scope: Scope,
  commons: Common | null,
): Sources {
  context.spend(1)
  const each = (parts: readonly Expression[]) =>
    union(parts.map((part) => context.sources(part, scope, commons)))
  switch (value.kind) {
    case 'constant':
      return NONE
    case 'parameter':
      return context.fromVariables ? unknownSource('a parameter') : NONE
    case 'unknown':
      return unknownSource(value.what)
    case 'column':
      return columnSources(context, value.names, scope)
    case 'call':
      return callSources(context, value, scope, each)
    case 'query':
      return querySources(context, value, scope, commons)
    case 'is-null': {
      const plain = plainColumn(context, value.value, scope) !== null
      return plain ? counted(each([value.value])) : each([value.value])
    }
    case 'mixed':
      return each(value.parts)
    case 'named-window':
      return each(scope.windows)
  }
}

/** EXISTS tells no value; what chooses the rows is judged as a guess. */
function querySources(
  context: Context,
  { query, exists }: Extract<Expression, { kind: 'query' }>,
  scope: Scope,
  commons: Common | null,
): Sources {
  if (exists) return NONE
  const { columns } = context.outputs(query, { parent: scope, commons })
  return union(columns.map(({ sources }) => sources))
}

function columnSources(context: Context, names: readonly string[], scope: Scope): Sources {
  context.spend(scope.breadth())
  const found = scope.resolve(names)
  if (found.length === 0) return unknownSource(`the column ${names.join('.')}`)
  return union(found.map(({ sources }) => sources))
}

function callSources(
  context: Context,
  call: Extract<Expression, { kind: 'call' }>,
  scope: Scope,
  each: (parts: readonly Expression[]) => Sources,
): Sources {
  const window = call.window ? each([call.window]) : NONE
  const [first = '', second] = call.names
  const schema = second === undefined ? context.database : first
  const name = second ?? first
  const label = `${schema ?? ''}.${name}`
  const own = second !== undefined || isStored(context, name)
  if (own) {
    const result = context.trusted.has(label) ? NONE : unknownSource(`the result of ${label}()`)
    return union([result, each(call.args), window])
  }
  const counts = name.toLowerCase() === 'count' || name.toLowerCase() === 'isnull'
  // How many rows have a value, and whether one is there, reveals none.
  if (counts && call.args.every((arg) => plainColumn(context, arg, scope))) {
    return union([counted(each(call.args)), window])
  }
  const known = isBuiltin(name, context.dialect) && !bringsMore(name)
  const result = known ? NONE : unknownSource(`the result of ${name}()`)
  return union([result, each(call.args), window])
}

/** A function of the schema's own hides behind a built-in's name. */
function isStored({ schema, database }: Context, name: string): boolean {
  return database !== null && schema.routine('function', database, name) !== undefined
}

const ONLY_WAITS = new Set(['sleep', 'benchmark'])

/** What a file, a sequence, a lock or the session holds comes out of it. */
function bringsMore(name: string): boolean {
  return effectOfFunction(name) !== undefined && !ONLY_WAITS.has(name.toLowerCase())
}

/** The column that a value is, unchanged; null where it is anything else. */
export function plainColumn(context: Context, value: Expression, scope: Scope): Column | null {
  if (value.kind !== 'column') return null
  context.spend(scope.breadth())
  const found = scope.resolve(value.names)
  const [first] = found
  if (!first || found.some(({ plain }) => !plain)) return null
  return { ...first, derived: found.some(({ derived }) => derived === true) }
}
