import { proofAge } from '../../identity/authorize-decision.ts'
import type { InboxOptions } from './web-options.ts'
import type { Viewer } from './who.ts'

/** Whoever sits down at a browser that somebody has left open has not proved anything. */
const LATELY_MS = 5 * 60_000

/**
 * Whether somebody has proved to the identity provider lately who they are. Without a provider there
 * is nothing to prove it by again.
 */
export function provedLately(
  { account }: Viewer,
  { web, clock }: Pick<InboxOptions, 'web' | 'clock'>,
): boolean {
  if ((web.oidc?.client() ?? null) === null) return true
  const age = proofAge(account?.authenticatedAt ?? null, clock.now())
  return age !== null && age <= LATELY_MS
}
