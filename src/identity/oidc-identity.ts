import { OidcFailure } from './oidc-failure.ts'

/** Who somebody is, as the provider says. */
export interface OidcIdentity {
  readonly issuer: string
  readonly subject: string
  /** Null where none is claimed, or where the provider says that it isn't verified. */
  readonly email: string | null
  readonly groups: readonly string[]
  /** When they last proved who they are; milliseconds since the epoch, null where it isn't said. */
  readonly authenticatedAt: number | null
  /** How they did (OpenID Connect Core 1.0, section 2), as the provider names it. */
  readonly acr: string | null
}

const LONGEST = 255
const MOST_GROUPS = 1_000

/** Reads verified claims. Throws OidcFailure where what they say can't be relied on. */
export function identityOf(
  claims: Readonly<Record<string, unknown>>,
  groupsClaim: string | null,
): OidcIdentity {
  const { iss, sub, email, email_verified: verified, auth_time: time, acr } = claims
  const isVerified = verified !== false && verified !== 'false'
  return {
    issuer: name(iss, 'iss'),
    subject: name(sub, 'sub'),
    email: email === undefined || email === null || !isVerified ? null : name(email, 'email'),
    groups: groupsClaim === null ? [] : groupsIn(claims[groupsClaim]),
    authenticatedAt: typeof time === 'number' && Number.isFinite(time) ? time * 1_000 : null,
    acr: typeof acr === 'string' ? acr.slice(0, LONGEST) : null,
  }
}

function name(value: unknown, claim: string): string {
  if (typeof value === 'string' && value.trim() !== '' && value.length <= LONGEST) return value
  throw new OidcFailure(`its ${claim} is no name`)
}

/** A list that was cut short might hide the group by which somebody owns an agent. */
function groupsIn(value: unknown): readonly string[] {
  if (value === undefined || value === null) return []
  const list = Array.isArray(value) ? value : [value]
  if (list.length > MOST_GROUPS) throw new OidcFailure('it names too many groups')
  return [...new Set(list.map((each) => name(each, 'groups')))]
}
