import type { Clock } from '../lib/clock.ts'
import type { ApprovalDesk } from './desk.ts'
import { linePair } from './gate-line.ts'
import { GateServer } from './gate-server.ts'
import { RemoteGate } from './remote-gate.ts'

/** A gate and its desk in one process, joined by the same messages as between two. */
export function openLocalGate(options: {
  readonly desk: ApprovalDesk
  readonly clock: Clock
  readonly urlOf?: (id: string) => string
}): RemoteGate {
  const urlOf = options.urlOf ?? ((id: string) => `http://localhost/v1/approvals/${id}`)
  const server = new GateServer({ desk: options.desk, urlOf, log: () => {} })
  const gate = new RemoteGate({ clock: options.clock })
  const { ends } = linePair()
  server.connect(ends[1])
  gate.connect(ends[0])
  return gate
}
