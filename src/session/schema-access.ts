import type { Principal } from '../identity/principal.ts'
import type { Classification } from '../sql/statement.ts'
import type { SchemaAccess, Settings } from './services.ts'

/** A database of the configuration, as it lies on a server that holds several schemas. */
export interface ServedSchema {
  /** The name by which agents know it. */
  readonly alias: string
  readonly schema: string
  readonly environment: string | null
}

const NONE: readonly Principal[] = []
/** The server's own: what may be seen of them is for the effects to say. */
const SYSTEM = new Set(['information_schema', 'performance_schema', 'mysql', 'sys'])

/**
 * Holds agents to their databases on one server, where any statement can name any schema.
 *
 * @param served the databases on that server, now
 * @param sameName how the server compares names of schemas
 */
export function schemaAccess(
  served: () => readonly ServedSchema[],
  sameName: (one: string, other: string) => boolean,
): SchemaAccess {
  const own = ({ agent, database }: Principal) =>
    served().filter(({ alias }) => alias === database || agent.databases.includes(alias))
  const lies = (principal: Principal, name: string) =>
    own(principal).some(({ schema }) => sameName(schema, name))
  const isSystem = (name: string) => SYSTEM.has(name.toLowerCase())
  const mayName = (principal: Principal, name: string) => isSystem(name) || lies(principal, name)

  return {
    find(principal, name) {
      if (mayName(principal, name)) return name
      return own(principal).find(({ alias }) => alias === name)?.schema
    },
    refusal(principal, statement, settings) {
      const current = currentSchema(settings)
      if (current !== null && statement.uses === undefined && !mayName(principal, current)) {
        return `the session is in the schema ${current}, which is not one of this agent's: USE one of them`
      }
      const strange = (statement.schemas ?? []).find((name) => !mayName(principal, name))
      if (strange === undefined || isAliasOf(own(principal), statement, strange)) return null
      return `the schema ${strange} is not one that this agent may use`
    },
    others(principal, statement, settings) {
      if (served().length < 2) return NONE
      const named = [...(statement.schemas ?? []), currentSchema(settings) ?? '']
      return own(principal).flatMap(({ alias, schema, environment }) => {
        if (alias === principal.database) return []
        const reached = named.some((name) => sameName(name, schema) || name === alias)
        return reached ? [{ ...principal, database: alias, environment }] : []
      })
    },
  }
}

function currentSchema(settings: Settings): string | null {
  return settings.get('schema') || null
}

/** USE takes an alias. */
function isAliasOf(own: readonly ServedSchema[], { uses }: Classification, name: string): boolean {
  return uses === name && own.some(({ alias }) => alias === name)
}
