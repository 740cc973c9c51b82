import type { ApprovalDesk } from '../approval/desk.ts'
import type { DeskEvent } from '../approval/desk-events.ts'
import type { GateServer } from '../approval/gate-server.ts'
import type { Channel } from '../approval/request.ts'

/** Anything that may be in trouble and says why. */
export interface Troubled {
  readonly trouble: string | null
}

/** Why no statement can be approved and run now; empty when all is well. Slack isn't among it. */
export function notReady(
  gate: GateServer,
  parts: Readonly<Record<string, Troubled>>,
): readonly string[] {
  const reasons = Object.entries(parts).flatMap(([name, { trouble }]) =>
    trouble === null ? [] : [`${name}: ${trouble}`],
  )
  if (gate.lines === 0) reasons.push('the data plane is not connected')
  for (const trouble of gate.report?.troubles ?? []) reasons.push(`data plane: ${trouble}`)
  return reasons
}

/** Counts what the desk does, for /metrics. */
export class DeskCounters {
  readonly #counts = new Map<string, number>()

  add(event: DeskEvent): void {
    if (event.type === 'requested') this.#count(`requests_total{how="${event.how}"}`)
    if (event.type === 'resolved') this.#count(`decisions_total{outcome="${event.request.state}"}`)
    if (event.type === 'break-glass') this.#count('break_glass_total')
    if (event.type === 'spent') this.#count('approvals_spent_total')
    if (event.type === 'settled') this.#count(`outcomes_total{outcome="${event.request.state}"}`)
  }

  /** Of any channel. `cause`: one of the codes that answers are refused with. */
  refused(channel: Channel, cause: string): void {
    this.#count(`answers_refused_total{channel="${channel}",cause="${cause}"}`)
  }

  get all(): ReadonlyMap<string, number> {
    return this.#counts
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }
}

/** Prometheus' text format, version 0.0.4. Names of agents, people and tables aren't in it. */
export function metricsText(
  desk: ApprovalDesk,
  gate: GateServer,
  counters: DeskCounters,
  slackConnections: number | null,
  more: ReadonlyMap<string, number> = new Map(),
): string {
  const waiting = [...desk.waiting()]
  const pending = waiting.filter((request) => request.state === 'pending').length
  const values = new Map<string, number>([
    ['requests_pending', pending],
    ['approvals_unspent', waiting.length - pending],
    ['data_plane_lines', gate.lines],
    ...(slackConnections === null ? [] : ([['slack_connections', slackConnections]] as const)),
    ...counters.all,
    ...more,
    ...Object.entries(gate.report?.counters ?? {}),
  ])
  const byMetric = new Map<string, string[]>()
  for (const [name, value] of values) {
    const metric = `countersign_${name.replace(/\{.*/, '')}`
    const lines = byMetric.get(metric) ?? [`# TYPE ${metric} ${typeOf(metric)}`]
    byMetric.set(metric, [...lines, `countersign_${name} ${value}`])
  }
  return `${[...byMetric.values()].flat().join('\n')}\n`
}

function typeOf(metric: string): string {
  return metric.endsWith('_total') ? 'counter' : 'gauge'
}
