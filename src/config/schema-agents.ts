import { z } from 'zod'
import { issuer } from './schema-people.ts'
import { duration, integer, oneOrMore, size, text } from './values.ts'

const DATE = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2}))?$/

const hold = z
  .union([
    duration.transform((ms) => ({ postgres: ms, mysql: ms })),
    z.strictObject({ postgres: duration.optional(), mysql: duration.optional() }),
  ])
  .describe('How long a statement is held before it becomes a ticket.')

export const agent = z.strictObject({
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

export const limit = z.strictObject({
  agent: z.string().optional(),
  classes: oneOrMore('Data classes.').optional(),
  rows_per_statement: integer(0, Number.MAX_SAFE_INTEGER, 'Rows.').optional(),
  rows_per_hour: integer(0, Number.MAX_SAFE_INTEGER, 'Rows.').optional(),
  bytes_per_hour: size.optional(),
  lookups_per_hour: integer(0, Number.MAX_SAFE_INTEGER, 'Different values.').optional(),
  // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
  then: z.enum(['approve', 'deny']),
})
