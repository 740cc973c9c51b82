import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import type { LimitConfig } from '../policy/limit.ts'
import type { RuleAction, RuleCondition, RuleConfig } from '../policy/rule.ts'
import type {
  AgentConfig,
  Config,
  DatabaseConfig,
  ListenConfig,
  SlackConfig,
  TeamsConfig,
  TlsConfig,
} from './config.ts'
import type { RawConfig } from './schema.ts'
import type { RawRule } from './schema-rules.ts'
import { unsupportedKeys } from './unsupported.ts'

/** The file's own words -> Config. Paths become absolute, seen from `folder`. */
export function buildConfig(raw: RawConfig, folder: string, text: string): Config {
  const pathOf = (path: string) => resolve(folder, path)
  return {
    listen: buildListen(raw, pathOf),
    data: pathOf(raw.data),
    databases: mapOf(raw.databases, buildDatabase),
    masks: buildMasks(raw),
    regulations: raw.regulations,
    people: mapOf(raw.people, (email, person) => ({
      email,
      groups: person.groups,
      slack: person.slack ?? null,
      oidc: person.oidc ?? null,
      teams: person.teams?.toLowerCase() ?? null,
    })),
    groups: mapOf(raw.groups, (_name, group) => ({
      clears: group?.clears ?? [],
      breakGlass: group?.break_glass ?? false,
    })),
    oidc: buildOidc(raw),
    agents: mapOf(raw.agents, (name, agent) => buildAgent(name, agent, pathOf)),
    rules: raw.rules.map(buildRule),
    limits: raw.limits.map(buildLimit),
    mode: raw.mode,
    slack: buildSlack(raw),
    teams: buildTeams(raw),
    webhooks: raw.channels.webhooks,
    teamsWorkflow: raw.channels.teams?.workflow_url ?? null,
    audit: {
      mode: raw.audit.mode,
      sql: raw.audit.sql,
      checkpoint: {
        everyMs: raw.audit.checkpoint.every,
        key: raw.audit.checkpoint.key === undefined ? null : pathOf(raw.audit.checkpoint.key),
      },
    },
    hash: createHash('sha256').update(text).digest('hex'),
    unsupported: unsupportedKeys(raw),
  }
}

function mapOf<In, Out>(
  record: Readonly<Record<string, In>>,
  build: (name: string, value: In) => Out,
): ReadonlyMap<string, Out> {
  return new Map(Object.entries(record).map(([name, value]) => [name, build(name, value)]))
}

function buildListen({ listen }: RawConfig, pathOf: (path: string) => string): ListenConfig {
  const { tls } = listen
  return {
    postgres: listen.postgres ?? null,
    mysql: listen.mysql ?? null,
    control: listen.control,
    publicUrl: listen.public_url?.replace(/\/+$/, '') ?? null,
    tls: tls ? buildTls(tls, pathOf) : null,
    maxConnections: listen.max_connections,
    mysqlNativePassword: listen.mysql_native_password,
    maxMessage: listen.max_message,
    deadlines: listen.deadlines,
  }
}

function buildTls(
  { cert, key, require, client_ca }: NonNullable<RawConfig['listen']['tls']>,
  pathOf: (path: string) => string,
): TlsConfig {
  const clientCa = client_ca === undefined ? null : pathOf(client_ca)
  return { cert: pathOf(cert), key: pathOf(key), require, clientCa }
}

function buildDatabase(name: string, raw: RawConfig['databases'][string]): DatabaseConfig {
  return {
    name,
    upstream: raw.upstream,
    environment: raw.environment ?? null,
    classified: raw.classified,
    trustedFunctions: raw.trusted_functions,
    strict: raw.strict,
    detect: raw.detect,
  }
}

function buildOidc({ oidc }: RawConfig): Config['oidc'] {
  if (!oidc) return null
  return {
    issuer: oidc.issuer,
    clientId: oidc.client_id,
    clientSecret: oidc.client_secret ?? null,
    groupsClaim: oidc.groups_claim ?? null,
  }
}

function buildMasks(raw: RawConfig): Config['masks'] {
  const entries = Object.entries(raw.masks).map(([dataClass, mask]) => {
    if (typeof mask === 'string') return [dataClass, { mask, keepLast: null }]
    return [dataClass, { mask: mask.mask, keepLast: mask.keep_last ?? null }]
  })
  return Object.fromEntries(entries)
}

function buildAgent(
  name: string,
  raw: RawConfig['agents'][string],
  pathOf: (path: string) => string,
): AgentConfig {
  const { postgres, mysql } = raw.hold ?? {}
  return {
    name,
    owners: raw.owners,
    databases: raw.databases,
    credential: raw.credential === undefined ? null : pathOf(raw.credential),
    jwt: raw.jwt ?? null,
    certificate: raw.certificate?.subject_alt_name ?? null,
    hold: {
      ...(postgres === undefined ? {} : { postgres }),
      ...(mysql === undefined ? {} : { mysql }),
    },
    networks: raw.networks,
    expires: raw.expires === undefined ? null : Date.parse(raw.expires),
  }
}

function buildLimit(raw: RawConfig['limits'][number]): LimitConfig {
  return {
    agent: raw.agent ?? '*',
    classes: raw.classes ?? null,
    rowsPerStatement: raw.rows_per_statement ?? null,
    rowsPerHour: raw.rows_per_hour ?? null,
    bytesPerHour: raw.bytes_per_hour ?? null,
    lookupsPerHour: raw.lookups_per_hour ?? null,
    action: raw.then,
  }
}

function buildSlack({ channels: { slack } }: RawConfig): SlackConfig | null {
  if (!slack) return null
  return {
    connect:
      slack.signing_secret === undefined
        ? { by: 'socket', appToken: slack.app_token ?? '' }
        : { by: 'http', signingSecret: slack.signing_secret },
    botToken: slack.bot_token,
    channel: slack.channel,
    apiUrl: slack.api_url,
    team: slack.team ?? null,
    emailMatch: slack.email_match,
    text: slack.text,
  }
}

/** The schema has seen to it that a bot has all of its keys or none. */
function buildTeams({ channels: { teams } }: RawConfig): TeamsConfig | null {
  if (teams?.app_id === undefined) return null
  return {
    appId: teams.app_id,
    appSecret: teams.app_secret ?? '',
    tenant: teams.tenant ?? '',
    conversation: teams.conversation ?? '',
    text: teams.text,
  }
}

function buildRule(raw: RawRule): RuleConfig {
  // biome-ignore lint/suspicious/noThenProperty: the contract's field; nobody awaits this object
  return { name: raw.name, when: buildCondition(raw.when), then: buildAction(raw.then) }
}

function buildCondition({ in_transaction, ...when }: RawRule['when']): RuleCondition {
  const given = Object.entries(when).filter(([, value]) => value !== undefined)
  return {
    ...(Object.fromEntries(given) as RuleCondition),
    ...(in_transaction === undefined ? {} : { inTransaction: in_transaction }),
  }
}

function buildAction({ deny, approve, unmask, allow }: RawRule['then']): RuleAction {
  if (deny !== undefined) return { kind: 'deny', reason: deny }
  if (unmask !== undefined) return { kind: 'unmask', classes: unmask }
  if (approve === undefined) return { kind: 'allow', maxRows: allow?.max_rows ?? null }
  const { by, count, hold = null, expires = null, impact } = approve
  const { escalate_to: to, after: afterMs, step_up: stepUpMs } = approve
  const counts = impact === 'count' ? { counts: true as const } : {}
  const escalate = to && afterMs !== undefined ? { escalate: { to, afterMs } } : {}
  const stepUp = stepUpMs === undefined ? {} : { stepUpMs }
  return { kind: 'approve', by, count, hold, expires, ...counts, ...escalate, ...stepUp }
}
