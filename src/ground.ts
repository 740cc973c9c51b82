import type { Trail } from './audit/events.ts'
import type { Config } from './config/config.ts'
import type { ControlSupervisor } from './control/supervisor.ts'
import type { Clock } from './lib/clock.ts'
import type { LocalKeys } from './session/local-keys.ts'
import type { Lookups } from './session/lookups.ts'
import type { Counters } from './session/services.ts'
import type { Usage } from './session/usage.ts'

/** What all databases and doors of the data plane stand on. */
export interface Ground {
  readonly clock: Clock
  readonly log: (text: string) => void
  readonly supervisor: ControlSupervisor
  /** The one in force: a reload puts another in its place. */
  config: Config
  readonly keys: LocalKeys
  readonly trail: Trail
  readonly counters: Counters
  readonly usage: Usage
  readonly lookups: Lookups
}
