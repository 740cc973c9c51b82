import type { Classification, Effect, EffectReason } from '../statement.ts'
import type { Analysis } from './analysis.ts'
import { type Body, bodyOf, listOf, literalOf, stringOf, textOf } from './ast.ts'
import { type Judged, judged, type Surroundings } from './judged.ts'
import { Scope } from './scope.ts'

/** What a plain EXPLAIN doesn't do. */
const NOT_RUN: ReadonlySet<Effect> = new Set(['write', 'unbounded-write', 'ddl', 'session'])

/** EXPLAIN runs its statement with ANALYZE only; the plan still tells what the statement would. */
export function explain(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const inner = around.inner(body.query)
  const runs = listOf(body.options).some(isAnalyze)
  analysis.findings.effect('read', runs ? 'runs and explains a statement' : 'explains a statement')
  const keep = (effect: Effect) => runs || !NOT_RUN.has(effect)
  analysis.findings.include(inner.analysis.findings, { keep })
  const execute = inner.classification.names.filter((name) => name.kind === 'execute')
  return judged(runs ? 'EXPLAIN ANALYZE' : 'EXPLAIN', { names: execute })
}

/** The spellings of defGetBoolean; what isn't one of them counts as on. */
function isAnalyze(option: unknown): boolean {
  const body = bodyOf(option, 'DefElem')
  if (body?.defname !== 'analyze') return false
  if (body.arg === undefined) return true
  const number = bodyOf(body.arg, 'Integer')
  if (number) return Number(number.ival ?? 0) !== 0
  const flag = bodyOf(body.arg, 'Boolean')
  const word = flag ? String(flag.boolval === true) : (stringOf(body.arg) ?? literalOf(body.arg))
  return !['false', 'off', '0'].includes(String(word).toLowerCase())
}

export function prepare(analysis: Analysis, body: Body, around: Surroundings): Judged {
  // The types of its parameters run their checks when it is executed.
  const ofTypes = analysis.findings.effects
  const { classification, analysis: own } = around.inner(body.query)
  analysis.findings.include(own.findings)
  const inner = { ...classification, effects: merged(classification.effects, ofTypes) }
  analysis.findings.effect('session', 'prepares a statement')
  return judged('PREPARE', { names: [{ kind: 'prepare', name: textOf(body.name), inner }] })
}

function merged(one: readonly EffectReason[], other: readonly EffectReason[]) {
  const known = new Set(one.map(({ effect, reason }) => `${effect} ${reason}`))
  return [...one, ...other.filter(({ effect, reason }) => !known.has(`${effect} ${reason}`))]
}

export function execute(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const name = textOf(body.name)
  analysis.value(body.params, new Scope(null))
  const shows = around.names.prepared(name)
  useNamed(analysis, shows, `the prepared statement ${name}`)
  return judged('EXECUTE', { names: [{ kind: 'execute', name }], shows })
}

/** A statement that runs what a name stands for has that statement's effects. */
function useNamed(analysis: Analysis, named: Classification | undefined, what: string): void {
  const { findings } = analysis
  findings.connectionBound = true
  if (!named) {
    findings.effect('opaque', `${what} isn't known`)
    findings.classified = true
    return
  }
  // Their places are in another text.
  for (const { effect, reason } of named.effects) findings.effect(effect, reason)
  // Who signs sees a name only: the text that it stands for is what is signed.
  const [first] = named.effects
  if (first) findings.effect(first.effect, `${what} is: ${named.sql}`)
  findings.adopt(named)
}

export function deallocate(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('session', 'forgets prepared statements')
  const name = body.isall ? null : textOf(body.name)
  return judged('DEALLOCATE', { names: [{ kind: 'deallocate', name }] })
}

export function declareCursor(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const { classification, analysis: own } = around.inner(body.query)
  analysis.findings.include(own.findings)
  analysis.findings.effect('session', 'opens a cursor')
  return judged('DECLARE CURSOR', {
    names: [{ kind: 'declare', name: textOf(body.portalname), inner: classification }],
  })
}

export function fetchCursor(analysis: Analysis, body: Body, around: Surroundings): Judged {
  const name = textOf(body.portalname)
  const shows = around.names.cursor(name)
  useNamed(analysis, shows, `the cursor ${name}`)
  analysis.findings.effect('read', 'reads from a cursor')
  const verb = body.ismove ? 'MOVE' : 'FETCH'
  return judged(verb, { names: [{ kind: 'fetch', name }], shows })
}

export function closeCursor(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('session', 'closes cursors')
  const name = body.portalname === undefined ? null : textOf(body.portalname)
  return judged('CLOSE', { names: [{ kind: 'close', name }] })
}
