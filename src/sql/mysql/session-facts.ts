import type { SessionFacts } from './dialect.ts'

const known = new WeakMap<ReadonlyMap<string, string>, SessionFacts>()

/**
 * What the server's word about a session's variables means for the reading of its texts. Settings
 * are another map after each change.
 */
export function sessionFactsOf(settings: ReadonlyMap<string, string>): SessionFacts {
  let facts = known.get(settings)
  if (!facts) {
    facts = readFacts(settings)
    known.set(settings, facts)
  }
  return facts
}

/** A mode that wasn't told is left out: texts are then read both ways. */
function readFacts(settings: ReadonlyMap<string, string>): SessionFacts {
  const facts = {
    characterSet: settings.get('character_set_client') ?? '',
    database: settings.get('schema') || null,
  }
  const mode = settings.get('sql_mode')
  if (mode === undefined) return facts
  const modes = new Set(mode.toUpperCase().split(','))
  return {
    ...facts,
    ansiQuotes: modes.has('ANSI_QUOTES'),
    noBackslashEscapes: modes.has('NO_BACKSLASH_ESCAPES'),
    oracle: modes.has('ORACLE'),
  }
}
