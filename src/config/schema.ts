import { z } from 'zod'
import { EFFECTS } from '../sql/statement.ts'
import { agent, limit } from './schema-agents.ts'
import { audit } from './schema-audit.ts'
import { channels } from './schema-channels.ts'
import { database, dataClass, mask, regulations } from './schema-databases.ts'
import { listen } from './schema-listen.ts'
import { group, oidc, person } from './schema-people.ts'
import { ruleSchema } from './schema-rules.ts'
import { name, text } from './values.ts'

/*
 * The shape of the file: the source of the parser's checks and, by z.toJSONSchema, of what editors
 * offer. Keys that this version doesn't act on are here too, for the file is a contract that
 * outlives versions; unsupported.ts says which they are.
 */

export const configSchema = z
  .strictObject({
    listen,
    data: text('Folder of the state, the audit trail and the keys.').default('./countersign-data'),
    store: text('embedded, or postgres://... that several replicas share.').default('embedded'),
    databases: z.record(name, database).default({}),
    masks: z.record(dataClass, mask).default({}),
    regulations,
    people: z.record(z.email('is not an e-mail address'), person).default({}),
    groups: z.record(name, group).default({}),
    oidc,
    agents: z.record(name, agent).default({}),
    rules: z.array(ruleSchema(EFFECTS)).default([]),
    mode: z
      .enum(['enforce', 'shadow'], { error: 'is neither enforce nor shadow' })
      .default('enforce'),
    limits: z.array(limit).default([]),
    channels,
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
