import { createHmac } from 'node:crypto'
import type { Ground } from '../ground.ts'
import type { Principal } from '../identity/principal.ts'
import { PROTOCOLS, type ProtocolName, protocolOf } from '../protocols.ts'
import { policyInForce } from '../session/policy-in-force.ts'
import type { Policy, Services, Settings } from '../session/services.ts'
import type { Classifier } from '../sql/statement.ts'
import type { House } from './house.ts'

const DEFAULT_HOLD = { postgres: 25_000, mysql: 20_000 } as const

/** A house with the rules that hold in it, and the face of both that sessions keep. */
export interface Lot {
  readonly protocol: ProtocolName
  house: House
  policy: Policy
  readonly services: Services
}

export function openLot(ground: Ground, house: House): Lot {
  const protocol = protocolOf(house.config)
  const lot: Lot = {
    protocol,
    house,
    policy: policyFor(ground, house),
    services: servicesOf(ground, protocol, () => lot),
  }
  return lot
}

/** The rules, classes and masks of this moment's configuration, for one house. */
export function policyFor(ground: Ground, house: House): Policy {
  const { rules, masks, mode, groups } = ground.config
  return policyInForce({
    rules,
    masks,
    shadow: mode === 'shadow',
    keys: { hash: ground.keys.mask },
    planner: house.planner,
    detects: house.config.detect.length > 0,
    // Comments give classes too, as the database is read.
    get classes() {
      return house.classes
    },
    clock: ground.clock,
    clearing: new Map([...groups].map(([name, { clears }]) => [name, clears])),
    groupsOf: (principal) => groupsOf(ground, principal),
  })
}

function groupsOf({ config }: Ground, principal: Principal): readonly string[] {
  const groups = principal.agent.owners.flatMap(
    (owner) => config.people.get(owner)?.groups ?? [owner],
  )
  return [...new Set(groups)]
}

/** Sessions keep this; what a reload changes is asked for anew. */
function servicesOf(ground: Ground, protocol: ProtocolName, lot: () => Lot): Services {
  const { maxMessage, deadlines } = ground.config.listen
  const system = () => lot().house.services
  return {
    protocol: PROTOCOLS[protocol],
    clock: ground.clock,
    openClassifier: (settings) => classifierIn(() => lot().house, settings),
    get schema() {
      return system().schema
    },
    get values() {
      return system().values
    },
    get schemas() {
      return system().schemas
    },
    policy: () => lot().policy,
    holdMs: ({ agent }) =>
      ground.config.agents.get(agent.name)?.hold[protocol] ?? DEFAULT_HOLD[protocol],
    gate: ground.supervisor.gate,
    trail: ground.trail,
    auditMode: () => ground.config.audit.mode,
    auditSql: () => ground.config.audit.sql,
    hmac: (bytes) => createHmac('sha256', ground.keys.audit).update(bytes).digest('hex'),
    scrub: (fields) => system().scrub(fields),
    get resolvingErrors() {
      return system().resolvingErrors
    },
    contextQuery: (classification) => system().contextQuery(classification),
    bearsMs: (settings) => system().bearsMs(settings),
    get impacts() {
      return system().impacts
    },
    get estimates() {
      return system().estimates
    },
    rollsBack: (table) => system().rollsBack(table),
    counters: ground.counters,
    rowLimits: () => ground.config.limits,
    usage: ground.usage,
    lookups: ground.lookups,
    limits: { maxMessage, idleMs: deadlines.idle, writeMs: deadlines.write },
  }
}

/** A classifier for one session, which may outlive the house that it began in. */
function classifierIn(house: () => House, settings: () => Settings): Classifier {
  let opened: { readonly house: House; readonly classifier: Classifier } | null = null
  const classifier = () => {
    const now = house()
    if (opened?.house !== now) {
      opened = { house: now, classifier: now.services.openClassifier(settings) }
    }
    return opened.classifier
  }
  return {
    classify: (sql, names) => classifier().classify(sql, names),
    textOf: (sql) => classifier().textOf?.(sql) ?? sql.toString('utf8'),
  }
}
