import { z } from 'zod'
import { isLoopback } from '../identity/fetch-json.ts'
import { flag, text } from './values.ts'

const slack = z
  .strictObject({
    app_token: text('xapp-..., for Socket Mode.').optional(),
    bot_token: text('xoxb-...'),
    channel: text('Where requests are posted.'),
    api_url: z.url('is not a URL').default('https://slack.com/api/'),
    signing_secret: text('HTTP instead of Socket Mode.').optional(),
    team: text('The workspace; clicks from any other are refused.').optional(),
    email_match: flag('Know people by their e-mail address in Slack.').default(false),
    text: z.enum(['full', 'redacted'], { error: 'is neither full nor redacted' }).default('full'),
  })
  .refine((given) => given.app_token !== undefined || given.signing_secret !== undefined, {
    path: ['app_token'],
    error: 'is missing; make an app-level token (xapp-...) with the scope connections:write',
  })
  .refine((given) => !given.email_match || given.team !== undefined, {
    path: ['team'],
    error: 'is missing; email_match needs it, for only members of that workspace are matched',
  })

/** What the proxy calls by itself: what is told there is for nobody on the way. */
function calledUrl(description: string) {
  return z
    .string()
    .refine(isCalled, 'is not an https:// address (http:// is for this machine only)')
    .describe(description)
}

function isCalled(value: string): boolean {
  if (!URL.canParse(value)) return false
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}

const BOT = ['app_id', 'app_secret', 'tenant', 'conversation'] as const

const teams = z
  .strictObject({
    workflow_url: calledUrl('A Workflows webhook: it is told what waits.').optional(),
    app_id: text('Of the bot.').optional(),
    app_secret: text('Of the bot.').optional(),
    tenant: text('Entra tenant.').optional(),
    // It becomes part of an address that is called with the bot's token.
    conversation: text('Where requests are posted.')
      .regex(/^[\w:@.-]{1,200}$/, 'is no conversation; write it like 19:abc@thread.tacv2')
      .optional(),
    text: z.enum(['full', 'redacted'], { error: 'is neither full nor redacted' }).default('full'),
  })
  .refine(
    (given) => {
      const some = BOT.filter((key) => given[key] !== undefined).length
      return some === BOT.length || (some === 0 && given.workflow_url !== undefined)
    },
    { error: `takes workflow_url, or all of ${BOT.join(', ')}, or both` },
  )

export const channels = z
  .strictObject({
    slack: slack.optional(),
    teams: teams.optional(),
    webhooks: z
      .array(
        z.strictObject({
          url: calledUrl('Where what happens is posted.'),
          secret: text('whsec_ and base64, as Standard Webhooks writes it.'),
        }),
      )
      .max(20, 'are too many: 20 at most')
      .default([]),
  })
  .prefault({})
