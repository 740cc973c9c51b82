import { z } from 'zod'
import { DEFAULT_EXPIRES_MS } from '../policy/rule.ts'
import type { Effect } from '../sql/statement.ts'
import { duration, flag, integer, oneOrMore, text } from './values.ts'

const ACTION_HELP =
  'is not an action; write words of small letters, digits, _ and - joined by dots, like model.deploy or model.*'

const actionPattern = z.string().regex(/^[a-z0-9_*-]+(\.[a-z0-9_*-]+)*$/, ACTION_HELP)

/** What says something of a statement, and nothing of an action. */
const OF_STATEMENTS = [
  'effect',
  'database',
  'environment',
  'verb',
  'tables',
  'columns',
  'classes',
  'in_transaction',
] as const

function conditionSchema(effects: readonly Effect[]) {
  const effect = z.enum(effects, { error: `is not an effect; write one of ${effects.join(', ')}` })
  return z
    .strictObject({
      effect: z
        .union([effect.transform((one) => [one]), z.array(effect).min(1, 'names no effect')], {
          error: `is not an effect; write one of ${effects.join(', ')}, or a list of them`,
        })
        .optional(),
      agent: oneOrMore('Agents; * matches.').optional(),
      group: oneOrMore('Groups that own the agent.').optional(),
      database: oneOrMore('Databases.').optional(),
      environment: oneOrMore('Environments.').optional(),
      verb: oneOrMore('Commands: SELECT, DROP TABLE.').optional(),
      tables: oneOrMore('schema.table; * matches within a part.').optional(),
      columns: oneOrMore('schema.table.column; * matches within a part.').optional(),
      classes: oneOrMore('Data classes; * matches.').optional(),
      in_transaction: flag('Whether a transaction is open.').optional(),
      hours: z
        .string()
        .regex(
          /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$/,
          'is not a time of day; write HH:MM-HH:MM in UTC',
        )
        .optional()
        .describe('HH:MM-HH:MM in UTC; may wrap midnight.'),
      action: z
        .union([actionPattern.transform((one) => [one]), z.array(actionPattern).min(1)], {
          error: ACTION_HELP,
        })
        .optional()
        .describe('Actions that are not SQL: model.deploy; * matches within a part.'),
    })
    .default({})
    .describe('All that are given must hold; empty matches everything.')
}

const approve = z
  .strictObject({
    by: oneOrMore('Groups of which each signer has to be a member.'),
    count: integer(1, 20, 'How many distinct people.').default(1),
    hold: duration.optional(),
    expires: duration
      .refine((ms) => ms > 0, 'must be more than 0')
      .optional()
      .describe('How long the request stays open.'),
    impact: z
      .enum(['estimate', 'count'], { error: 'is neither estimate nor count' })
      .default('estimate')
      .describe('count: the rows that it would change are counted, and are the most that it may.'),
    escalate_to: oneOrMore(
      'Groups that may sign too, where nobody has decided by then.',
    ).optional(),
    after: duration.refine((ms) => ms > 0, 'must be more than 0').optional(),
    step_up: duration
      .refine((ms) => ms > 0, 'must be more than 0')
      .optional()
      .describe('How long ago, at most, whoever approves has proved to the provider who they are.'),
  })
  .superRefine(({ expires = DEFAULT_EXPIRES_MS, escalate_to, after }, context) => {
    const add = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (escalate_to && after === undefined)
      add('after', 'is missing; say when escalate_to may sign')
    if (!escalate_to && after !== undefined) add('escalate_to', 'is missing; say who may sign then')
    if (after !== undefined && after >= expires) add('after', 'is not before the request expires')
  })

const allow = z
  .union([
    flag('Allowed.').refine((yes) => yes, 'is not true; to forbid, write deny'),
    z.strictObject({ max_rows: integer(0, Number.MAX_SAFE_INTEGER, 'Rows.').optional() }),
  ])
  .transform((value) => (value === true || value === false ? {} : value))

const ACTIONS = ['allow', 'deny', 'approve', 'unmask'] as const

const block = z
  .strictObject({
    allow: allow.optional(),
    deny: text('What is said to the agent.').optional(),
    approve: approve.optional(),
    unmask: oneOrMore('Data classes that leave in clear.').optional(),
  })
  .refine((then) => ACTIONS.filter((key) => then[key] !== undefined).length === 1, {
    error: `must hold exactly one of ${ACTIONS.join(', ')}`,
  })

/** What a rule says in one word; whoever needs more of it writes the block. */
const WORDS: Readonly<Record<'allow' | 'deny' | 'approve', z.input<typeof block>>> = {
  allow: { allow: true },
  deny: { deny: 'the rules of this database forbid it' },
  approve: { approve: { by: ['approvers'] } },
}

const word = z.enum(['allow', 'deny', 'approve']).transform((name) => block.parse(WORDS[name]))

const action = z.union([word, block], {
  error: 'is neither allow, deny or approve nor a block with one of these or unmask',
})

/** One rule of the file. */
export function ruleSchema(effects: readonly Effect[]) {
  return z
    .strictObject({
      name: text('A name of its own, for records and messages.'),
      when: conditionSchema(effects),
      // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
      then: action,
    })
    .superRefine(({ when, then }, context) => {
      if (when.action === undefined) return
      const add = (path: string[], message: string) =>
        context.addIssue({ code: 'custom', path, message })
      const beside = OF_STATEMENTS.filter((key) => when[key] !== undefined)
      if (beside.length > 0) {
        add(['when', 'action'], `goes with agent, group and hours only, not with ${beside}`)
      }
      if (then.unmask) add(['then', 'unmask'], 'says nothing of an action')
      if (then.allow?.max_rows !== undefined) add(['then', 'allow'], 'an action has no rows')
    })
}

export type RawRule = z.output<ReturnType<typeof ruleSchema>>
