import type { Case } from './measure.ts'
import type { SilentSession } from './silent-session.ts'

/** What is said in one round trip. */
export interface RoundTrip {
  readonly asked: Buffer
  readonly answered: Buffer
}

/** Whole exchanges of a session whose two ends cost nothing. */
export function exchangeCases(
  one: SilentSession,
  select: RoundTrip,
  query: (sql: string) => Buffer,
  prepared: { readonly session: SilentSession; readonly execution: RoundTrip },
): Case[] {
  const { session, execution } = prepared
  let salt = 0
  return [
    {
      name: 'exchange without sockets: SELECT 1',
      operations: 1,
      run: () => one.exchange(select.asked, select.answered),
    },
    {
      name: 'exchange without sockets: 10 columns, prepared',
      operations: 1,
      run: () => session.exchange(execution.asked, execution.answered),
    },
    {
      name: 'exchange without sockets: SELECT of a new number each time',
      operations: 1,
      run: () => one.exchange(query(`SELECT ${++salt}`), select.answered),
    },
  ]
}
