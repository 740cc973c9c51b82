import type { Analysis } from './analysis.ts'
import { BUILTINS, builtinUse, HARMLESS_VOLATILE, TRANSPARENT_EXTENSIONS } from './functions.ts'
import type { Schema, SchemaFunction } from './schema.ts'
import { CLEAN, isHard, type Taint, taintOf, union } from './taint.ts'

/** What a function's name can lead to. */
export interface Callee {
  readonly builtin: boolean
  readonly own: readonly SchemaFunction[]
}

/** A function of the user's own hides behind a built-in's name wherever the path may reach it. */
export function calleeOf(schema: Schema, name: readonly string[]): Callee {
  const last = name.at(-1) ?? ''
  const space = name.length > 1 ? name.at(-2) : undefined
  const system = space === 'pg_catalog' || space === 'information_schema'
  const builtin = space === 'information_schema' || (schema.hasBuiltin(last) && (system || !space))
  return { builtin, own: system ? [] : schema.functionsNamed(last, space) }
}

/** Whether a call can make several rows, or none: their number tells of its arguments. */
export function calleeReturnsSet(schema: Schema, name: readonly string[]): boolean {
  const { builtin, own } = calleeOf(schema, name)
  return (builtin && schema.builtinReturnsSet(name.at(-1) ?? '')) || own.some((fn) => fn.returnsSet)
}

/** What operators and casts of the user's own make of a value: they are calls under another name. */
export function hiddenCalls(
  analysis: Analysis,
  functions: readonly (readonly [schema: string, name: string])[],
  taint: Taint,
): Taint {
  return union([taint, ...functions.map((name) => analysis.call(name, taint))])
}

/** The name of the setting is computed, so it may be one that holds a secret. */
export function noteUnknownSetting(analysis: Analysis): void {
  analysis.findings.effect('export', "current_setting() reads a setting that can't be known")
}

export function qualified(fn: SchemaFunction): string {
  return `${fn.schema}.${fn.name}`
}

/** Notes what calling a function of this name does, whatever its arguments are. */
export function noteCall(analysis: Analysis, name: readonly string[]): void {
  const last = name.at(-1) ?? ''
  const use = builtinUse(last)
  for (const effect of use?.effects ?? []) {
    analysis.findings.effect(effect, `${last}() ${use?.reason}`)
  }
  const { own } = calleeOf(analysis.schema, name)
  for (const fn of own) checkOwn(analysis, fn, use !== undefined)
}

function checkOwn(analysis: Analysis, fn: SchemaFunction, known: boolean): void {
  const { findings } = analysis
  const key = qualified(fn)
  if (fn.extension === null || !isTransparent(analysis, fn)) findings.functions.add(key)
  if (analysis.trusted.has(key) || (fn.extension !== null && known)) return
  if (fn.securityDefiner) {
    findings.effect('opaque', `${key}() runs with its owner's rights`)
  } else if (fn.volatility === 'volatile' && !isHarmlessVolatile(analysis, fn)) {
    findings.effect('opaque', `${key}() is volatile: what it does can't be known`)
  }
}

function isHarmlessVolatile(analysis: Analysis, fn: SchemaFunction): boolean {
  return HARMLESS_VOLATILE.has(fn.name) && isTransparent(analysis, fn)
}

/**
 * What the result of a call is computed from: the arguments, and for the user's own functions
 * what their body reads.
 */
export function resultOfCall(analysis: Analysis, name: readonly string[], args: Taint): Taint {
  noteCall(analysis, name)
  const { own } = calleeOf(analysis.schema, name)
  const last = name.at(-1) ?? ''
  if (BUILTINS.get(last)?.sink && isHard(args)) {
    analysis.findings.effect(
      'export',
      `hands classified values to ${last}(), where others see them`,
    )
  }
  const results = own.map((fn) => ownResult(analysis, fn))
  // A signature lets it run; what it brings isn't known for all that.
  if (BUILTINS.get(last)?.effects.includes('opaque')) {
    results.push(taintOf({ label: `the result of ${last}()`, dataClass: null, hard: false }))
  }
  const all = union([args, ...results])
  analysis.findings.taint(all)
  return all
}

function ownResult(analysis: Analysis, fn: SchemaFunction): Taint {
  if (isTransparent(analysis, fn)) return CLEAN
  const key = qualified(fn)
  const label = `the result of ${key}()`
  const unknown = taintOf({ label, dataClass: null, hard: fn.volatility !== 'immutable' })
  if (fn.language !== 'sql' || fn.body === null || analysis.bodies.has(key)) return unknown
  const defaults = fn.defaults === null ? CLEAN : analysis.body(`SELECT ${fn.defaults}`, [], key)
  const result = analysis.body(fn.body, fn.parameters, key)
  return defaults && result ? union([defaults, result]) : unknown
}

/** A function of nothing but its arguments, or one whose results are declared fit to see. */
export function isTransparent(analysis: Analysis, fn: SchemaFunction): boolean {
  if (analysis.trusted.has(qualified(fn))) return true
  return fn.extension !== null && TRANSPARENT_EXTENSIONS.has(fn.extension) && !BUILTINS.has(fn.name)
}
