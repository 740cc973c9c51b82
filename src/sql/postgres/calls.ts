import type { Analysis } from './analysis.ts'
import { unknownResult } from './function-bodies.ts'
import {
  type BuiltinUse,
  builtinUse,
  HARMLESS_VOLATILE,
  isReviewed,
  TRANSPARENT_EXTENSIONS,
} from './functions.ts'
import type { Schema, SchemaFunction } from './schema.ts'
import { CLEAN, isHard, type Taint, taintOf, union } from './taint.ts'

/** What a function's name can lead to. */
export interface Callee {
  readonly builtin: boolean
  readonly own: readonly SchemaFunction[]
}

/**
 * A function of the user's own hides behind a built-in's name wherever the path may reach it, and
 * in pg_catalog itself by its arguments: both are meant then.
 */
export function calleeOf(schema: Schema, name: readonly string[]): Callee {
  const last = name.at(-1) ?? ''
  const space = name.length > 1 ? name.at(-2) : undefined
  const system = space === 'pg_catalog' || space === 'information_schema'
  const builtin = space === 'information_schema' || (schema.hasBuiltin(last) && (system || !space))
  return { builtin, own: schema.functionsNamed(last, space) }
}

/**
 * What is known of the name, where it can mean what was reviewed: a function of the server or of an
 * extension, or nothing that is known. A function of the user's own is judged by its body.
 */
export function knownUse({ builtin, own }: Callee, name: string): BuiltinUse | undefined {
  const reviewed = builtin || own.length === 0 || own.some((fn) => fn.extension !== null)
  return reviewed ? builtinUse(name) : undefined
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
  at?: number,
): Taint {
  return union([taint, ...functions.map((name) => analysis.call(name, taint, at))])
}

/** The name of the setting is computed, so it may be one that holds a secret. */
export function noteUnknownSetting(analysis: Analysis, at?: number): void {
  const reason = "current_setting() reads a setting that can't be known"
  analysis.findings.effect('export', reason, at)
}

export function qualified(fn: SchemaFunction): string {
  return `${fn.schema}.${fn.name}`
}

/** Notes what calling a function of this name does, whatever its arguments are. */
export function noteCall(analysis: Analysis, name: readonly string[], at?: number): void {
  const callee = calleeOf(analysis.schema, name)
  noteKnown(analysis, callee, name.at(-1) ?? '', at)
  for (const fn of callee.own) runOwn(analysis, fn, CLEAN, at)
}

function noteKnown(analysis: Analysis, callee: Callee, name: string, at?: number): void {
  const use = knownUse(callee, name)
  for (const effect of use?.effects ?? []) {
    analysis.findings.effect(effect, `${name}() ${use?.reason}`, at)
  }
  // A newer server has functions that nobody has looked at; those that only compute say so.
  const newer = callee.builtin && analysis.schema.builtinIsVolatile(name) && !isReviewed(name)
  if (newer) {
    const reason = `${name}() of this server was not reviewed: what it does isn't known`
    analysis.findings.effect('opaque', reason, at)
  }
}

/** What a function of the user's own gives, after noting what it does; null where that isn't known. */
function runOwn(analysis: Analysis, fn: SchemaFunction, args: Taint, at?: number): Taint | null {
  const { findings } = analysis
  const key = qualified(fn)
  const transparent = isTransparent(analysis, fn)
  if (fn.extension === null || !transparent) findings.functions.add(key)
  if (analysis.trusted.has(key)) return CLEAN
  if (fn.extension === null) return analysis.run(fn, args, at)
  const harmless = fn.volatility !== 'volatile' || HARMLESS_VOLATILE.has(fn.name)
  const known = builtinUse(fn.name) !== undefined
  if (!known && (fn.securityDefiner || !(transparent && harmless))) {
    noteExtension(analysis, fn, at)
  }
  return transparent ? CLEAN : null
}

function noteExtension(analysis: Analysis, fn: SchemaFunction, at?: number): void {
  const key = qualified(fn)
  if (fn.securityDefiner) {
    analysis.findings.effect('opaque', `${key}() runs with its owner's rights`, at)
  } else if (fn.volatility === 'volatile') {
    analysis.findings.effect('opaque', `${key}() is volatile: what it does isn't known`, at)
  }
}

/**
 * What the result of a call is computed from: the arguments, and for the user's own functions
 * what their body reads.
 */
export function resultOfCall(
  analysis: Analysis,
  name: readonly string[],
  args: Taint,
  at?: number,
): Taint {
  const callee = calleeOf(analysis.schema, name)
  const last = name.at(-1) ?? ''
  noteKnown(analysis, callee, last, at)
  const use = knownUse(callee, last)
  if (use?.sink && isHard(args)) {
    const reason = `hands classified values to ${last}(), where others see them`
    analysis.findings.effect('export', reason, at)
  }
  const results = callee.own.map((fn) => {
    return runOwn(analysis, fn, isHard(args) ? args : CLEAN, at) ?? unknownResult(fn)
  })
  // A signature lets it run; what it brings isn't known for all that.
  if (use?.effects.includes('opaque')) {
    results.push(taintOf({ label: `the result of ${last}()`, dataClass: null, hard: false }))
  }
  const all = union([args, ...results])
  analysis.findings.taint(all)
  return all
}

/** A function of nothing but its arguments, or one whose results are declared fit to see. */
export function isTransparent(analysis: Analysis, fn: SchemaFunction): boolean {
  if (analysis.trusted.has(qualified(fn))) return true
  return (
    fn.extension !== null &&
    TRANSPARENT_EXTENSIONS.has(fn.extension) &&
    builtinUse(fn.name) === undefined
  )
}
