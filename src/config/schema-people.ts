import { z } from 'zod'
import { isLoopback } from '../identity/fetch-json.ts'
import { flag, oneOrMore, text } from './values.ts'

/** Its keys decide who comes in: they are never asked for where somebody could answer instead. */
export const issuer = z.string().refine((value) => {
  const url = URL.canParse(value) ? new URL(value) : null
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  return safe && !/[?#]/.test(value) && url?.username === ''
}, 'is not an issuer; write it like https://example.okta.com')

export const person = z.strictObject({
  groups: oneOrMore('Groups of this person.').default([]),
  slack: text('Slack member id: U024BE7LH.').optional(),
  teams: text('Entra object id.').optional(),
  oidc: text('The subject (sub) of their account at oidc.issuer.').optional(),
})

const clearedClasses = z
  .array(
    z
      .string()
      .regex(/^[\w*-]+(\.[\w*-]+)*$/, 'is not a data class; write one like pii.email, or pii.*'),
  )
  .describe('Data classes that its members may let leave in clear, for one statement.')

export const group = z
  .strictObject({
    clears: clearedClasses.default([]),
    break_glass: flag('Its members may let a request pass alone, loudly.').default(false),
  })
  .nullable()

export const oidc = z
  .strictObject({
    issuer: issuer.describe('Where people sign in; found by OpenID Connect Discovery.'),
    client_id: text('What the provider calls this proxy.'),
    client_secret: text('Left out for a public client.').optional(),
    groups_claim: text('The claim that names the groups of a person.').optional(),
  })
  .optional()
