import type { SessionName, SessionNames } from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import type { Analysis } from './analysis.ts'
import { settingUse } from './settings.ts'
import { judge } from './statements.ts'
import type { Outputs } from './taint.ts'

const NO_NAMES: SessionNames = { prepared: () => undefined, cursor: () => undefined }

/** Judges a statement that code of the database holds, as if it had been sent. */
export function judgeInCode(analysis: Analysis, node: unknown): Outputs {
  const judged = judge(analysis, node, {
    names: NO_NAMES,
    // A statement inside another one of the code counts with it: EXPLAIN ANALYZE, CREATE TABLE AS.
    inner: (own) => {
      const { names } = judge(analysis, own, { names: NO_NAMES, inner: nested })
      const classification = unreadable('', 'it stands in code')
      return { classification: { ...classification, names, output: 'classified' }, analysis }
    },
  })
  for (const name of judged.names) noteName(analysis, name)
  return judged.outputs
}

function nested(): never {
  throw new Error('code holds statements three deep')
}

/** The session follows its names by the statements that it sees: code would change them unseen. */
function noteName(analysis: Analysis, name: SessionName): void {
  const { findings } = analysis
  if (name.kind !== 'set') {
    findings.effect('opaque', 'uses prepared statements or cursors of the session')
  } else if (name.name === 'search_path' || name.name === 'all') {
    findings.effect('opaque', `sets ${name.name} for what comes after it`)
  } else if (settingUse(name.name) === 'encoding') {
    findings.effect('opaque', `sets ${name.name} for what comes after it`)
  }
}
