import type { Analysis } from './analysis.ts'
import { type Body, textOf } from './ast.ts'
import { type Judged, judged, simple } from './judged.ts'
import { setStatement } from './set-effects.ts'
import { holdsAnyText, isSecretSetting } from './settings.ts'

const TWO_PHASE = new Set([
  'TRANS_STMT_PREPARE',
  'TRANS_STMT_COMMIT_PREPARED',
  'TRANS_STMT_ROLLBACK_PREPARED',
])

export function transaction(analysis: Analysis, body: Body): Judged {
  const kind = String(body.kind)
  const verb = kind.replace('TRANS_STMT_', '').replaceAll('_', ' ')
  if (!TWO_PHASE.has(kind))
    return simple(analysis, verb, 'transaction', 'begins or ends a transaction')
  const words = kind === 'TRANS_STMT_PREPARE' ? 'PREPARE TRANSACTION' : verb
  return simple(analysis, words, 'server', 'handles a transaction that outlives its session')
}

export function setting(analysis: Analysis, body: Body): Judged {
  const names = setStatement(analysis, body)
  const verb = String(body.kind).startsWith('VAR_RESET') ? 'RESET' : 'SET'
  return judged(verb, { names: names.map((name) => ({ kind: 'set', name })) })
}

export function show(analysis: Analysis, body: Body): Judged {
  const name = textOf(body.name)
  analysis.findings.effect('read', 'shows a setting')
  analysis.findings.usesKept ||= holdsAnyText(name)
  if (isSecretSetting(name)) {
    analysis.findings.effect('export', `reads ${name}, which may hold a secret`)
  }
  return judged('SHOW')
}

export function discard(analysis: Analysis, body: Body): Judged {
  analysis.findings.effect('session', 'forgets state of the session')
  const what = {
    DISCARD_ALL: 'all',
    DISCARD_PLANS: 'plans',
    DISCARD_TEMP: 'temp',
    DISCARD_SEQUENCES: 'sequences',
  } as const
  const target = what[String(body.target ?? 'DISCARD_ALL') as keyof typeof what] ?? 'all'
  return judged('DISCARD', { names: [{ kind: 'discard', what: target }] })
}
