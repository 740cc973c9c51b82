import { z } from 'zod'
import { isLoopback } from '../identity/fetch-json.ts'
import { DETECTIONS } from '../mask/detect/kinds.ts'
import { MASKS } from '../mask/plan.ts'
import { EFFECTS } from '../sql/statement.ts'
import { ruleSchema } from './schema-rules.ts'
import { address, duration, flag, integer, oneOrMore, size, text } from './values.ts'

/*
 * The shape of the file: the source of the parser's checks and, by z.toJSONSchema, of what editors
 * offer. Keys that this version doesn't act on are here too, for the file is a contract that
 * outlives versions; unsupported.ts says which they are.
 */

const DATA_CLASS = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/
const DATE = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/
const dataClass = z
  .string()
  .regex(DATA_CLASS, 'is not a data class; write words joined by dots, like pii.email')

const clearedClasses = z
  .array(
    z
      .string()
      .regex(/^[\w*-]+(\.[\w*-]+)*$/, 'is not a data class; write one like pii.email, or pii.*'),
  )
  .describe('Data classes that its members may let leave in clear, for one statement.')

const columnPattern = z
  .string()
  .regex(
    /^([^.]+\.)?[^.]+\.[^.]+$/,
    'is not a column; write schema.table.column, where * stands for any within a part',
  )

const name = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,62}$/,
    'is not a name; use up to 63 letters, digits, and _ . @ -, beginning with a letter or digit',
  )

const listen = z
  .strictObject({
    postgres: address.nullish().describe('Where agents connect with PostgreSQL clients.'),
    mysql: address.nullish().describe('Where agents connect with MySQL clients.'),
    control: address
      .nullable()
      .prefault('127.0.0.1:6480')
      .describe('The inbox, HTTP API, /metrics, /healthz, /readyz. null: none.'),
    public_url: z
      .url({
        protocol: /^https?$/,
        error: 'is not an address; write it like https://countersign.example.com',
      })
      .optional()
      .describe('What messages link to; the control address when it is left out.'),
    tls: z
      .strictObject({
        cert: text('Path of the certificate chain, PEM.'),
        key: text('Path of the private key, PEM.'),
        require: flag('Refuse clients that do not ask for TLS.').default(true),
        client_ca: text('Path of the CAs that sign certificates of agents, PEM.').optional(),
      })
      .optional(),
    workers: integer(1, 64, 'Data processes.').default(1),
    max_connections: integer(1, 1_000_000, 'Client connections at once.').default(10_000),
    max_message: size.prefault('64MiB').describe('The largest message that a client may send.'),
    deadlines: z
      .strictObject({
        login: duration.prefault('10s').describe('From the connection to the end of the login.'),
        idle: duration.prefault('0').describe('Without a statement; 0: no limit.'),
        write: duration.prefault('60s').describe('A client that does not read its answer.'),
      })
      .prefault({}),
    mysql_native_password: flag('For MySQL clients that know nothing else.').default(false),
  })
  .prefault({})

const database = z.strictObject({
  upstream: text(
    'postgres://user:password@host:port/database?sslmode=verify-full; a unix socket is %2Fpath as host.',
  ),
  environment: text('Shown to those who sign.').optional(),
  classified: z
    .record(columnPattern, dataClass)
    .default({})
    .describe('schema.table.column -> data class; * matches within a part; none: fit to see.'),
  trusted_functions: z
    .array(z.string().regex(/^[^.]+\.[^.]+$/, 'is not a function; write schema.function'))
    .default([])
    .describe('Functions of your own that are known to be harmless.'),
  strict: flag('Mask a new column beside classified ones until it has been judged.').default(false),
  detect: z
    .array(z.enum(DETECTIONS, { error: `is none of ${DETECTIONS.join(', ')}` }))
    .default([])
    .describe('Also hide what looks like these in text and JSON that nobody has classified.'),
})

/** YAML reads an unquoted null as nothing; here it is the mask of that name. */
const maskName = z
  .enum(MASKS)
  .nullable()
  .transform((name) => name ?? 'null')
const mask = z.union(
  [
    maskName,
    z.strictObject({
      mask: maskName,
      keep_last: integer(0, 32, 'Characters that partial leaves.').optional(),
    }),
  ],
  { error: `is not a mask; write one of ${MASKS.join(', ')}, or { mask: partial, keep_last: 4 }` },
)

/** Its keys decide who comes in: they are never asked for where somebody could answer instead. */
const issuer = z.string().refine((value) => {
  const url = URL.canParse(value) ? new URL(value) : null
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url))
  return safe && !/[?#]/.test(value) && url?.username === ''
}, 'is not an issuer; write it like https://example.okta.com')

const person = z.strictObject({
  groups: oneOrMore('Groups of this person.').default([]),
  slack: text('Slack member id: U024BE7LH.').optional(),
  teams: text('Entra object id.').optional(),
  oidc: text('The subject (sub) of their account at oidc.issuer.').optional(),
})

const hold = z
  .union([
    duration.transform((ms) => ({ postgres: ms, mysql: ms })),
    z.strictObject({ postgres: duration.optional(), mysql: duration.optional() }),
  ])
  .describe('How long a statement is held before it becomes a ticket.')

const agent = z.strictObject({
  owners: oneOrMore('People and groups that answer for it; none of them can approve it.'),
  databases: oneOrMore('Databases that it may connect to.'),
  credential: text('Path of the file that `countersign agent add` writes.').optional(),
  hold: hold.optional(),
  networks: z.array(z.string()).default([]).describe('CIDR blocks that it may come from.'),
  expires: z
    .string()
    .refine(
      (value) => DATE.test(value) && !Number.isNaN(Date.parse(value)),
      'is not a date of the calendar; write it like 2027-01-01',
    )
    .optional(),
  jwt: z
    .strictObject({
      issuer: issuer.describe('Whose tokens it may sign in with; its keys are found by OIDC.'),
      audience: text('Whom the token has to be for.'),
      subject: text('Of whom the token has to be, to the letter.'),
    })
    .optional(),
  certificate: z
    .strictObject({
      subject_alt_name: z
        .string()
        .regex(
          /^(?:URI|DNS|email):[^\s,"]+$/,
          'is no name of a certificate; write URI:spiffe://example.com/bot, DNS:bot.example.com or email:bot@example.com',
        )
        .describe('The name that the certificate has to have, to the letter.'),
    })
    .optional(),
})

const limit = z.strictObject({
  agent: z.string().optional(),
  classes: oneOrMore('Data classes.').optional(),
  rows_per_statement: integer(0, Number.MAX_SAFE_INTEGER, 'Rows.').optional(),
  rows_per_hour: integer(0, Number.MAX_SAFE_INTEGER, 'Rows.').optional(),
  bytes_per_hour: size.optional(),
  lookups_per_hour: integer(0, Number.MAX_SAFE_INTEGER, 'Different values.').optional(),
  // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
  then: z.enum(['approve', 'deny']),
})

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

const audit = z
  .strictObject({
    mode: z
      .enum(['strict', 'all'], { error: 'is neither strict nor all' })
      .default('strict')
      .describe('all: synced before every forward.'),
    sql: z
      .enum(['full', 'redacted', 'fingerprint'], {
        error: 'is none of full, redacted, fingerprint',
      })
      .default('redacted'),
    checkpoint: z
      .strictObject({
        every: duration.prefault('60s').refine((ms) => ms > 0, 'must be more than 0'),
        key: text('Path of the Ed25519 key, PEM; made when it is not there.').optional(),
      })
      .prefault({}),
    sinks: z
      .array(z.strictObject({ otlp: z.string().optional(), webhook: z.string().optional() }))
      .default([]),
  })
  .prefault({})

export const configSchema = z
  .strictObject({
    listen,
    data: text('Folder of the state, the audit trail and the keys.').default('./countersign-data'),
    store: text('embedded, or postgres://... that several replicas share.').default('embedded'),
    databases: z.record(name, database).default({}),
    masks: z.record(dataClass, mask).default({}),
    regulations: z
      .record(
        dataClass,
        z.string().trim().min(1, 'says nothing').max(80, 'is too long; use 80 characters'),
      )
      .default({})
      .describe('Data class (longest prefix wins) -> what it falls under: GDPR Art. 4(1).'),
    people: z.record(z.email('is not an e-mail address'), person).default({}),
    groups: z
      .record(
        name,
        z
          .strictObject({
            clears: clearedClasses.default([]),
            break_glass: flag('Its members may let a request pass alone, loudly.').default(false),
          })
          .nullable(),
      )
      .default({}),
    oidc: z
      .strictObject({
        issuer: issuer.describe('Where people sign in; found by OpenID Connect Discovery.'),
        client_id: text('What the provider calls this proxy.'),
        client_secret: text('Left out for a public client.').optional(),
        groups_claim: text('The claim that names the groups of a person.').optional(),
      })
      .optional(),
    agents: z.record(name, agent).default({}),
    rules: z.array(ruleSchema(EFFECTS)).default([]),
    mode: z
      .enum(['enforce', 'shadow'], { error: 'is neither enforce nor shadow' })
      .default('enforce'),
    limits: z.array(limit).default([]),
    channels: z
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
      .prefault({}),
    audit,
  })
  // biome-ignore lint/suspicious/noTemplateCurlyInString: references of the file are written so
  .describe('The configuration of Countersign. Values may hold ${ENV_NAME} or ${file:PATH}.')

/** The file as the schema has read it. */
export type RawConfig = z.output<typeof configSchema>

/** For editors: https://json-schema.org/draft/2020-12. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any' })
}
