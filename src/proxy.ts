import { join } from 'node:path'
import type { Trail } from './audit/events.ts'
import { openTrail } from './audit/trail.ts'
import type { ConfigFile } from './config/config-file.ts'
import type { ControlSupervisor } from './control/supervisor.ts'
import { Databases } from './databases/databases.ts'
import { Doors } from './doors.ts'
import type { Ground } from './ground.ts'
import type { Clock } from './lib/clock.ts'
import type { ListeningAddress } from './net/listener.ts'
import { Reloads } from './reloads.ts'
import { openLocalKeys } from './session/local-keys.ts'
import { Lookups } from './session/lookups.ts'
import type { Counters } from './session/services.ts'
import { Usage } from './session/usage.ts'

const REPORT_EVERY = 2_000
/** How long running statements may go on after SIGTERM. */
const DRAIN_MS = 10_000

export interface ProxyOptions {
  readonly file: ConfigFile
  readonly version: string
  readonly clock: Clock
  readonly supervisor: ControlSupervisor
  readonly log: (text: string) => void
}

/** Where the proxy came to listen; null for what isn't configured. */
export interface Addresses {
  readonly postgres: ListeningAddress | null
  readonly mysql: ListeningAddress | null
  readonly control: ListeningAddress | null
}

/** The data plane put together: this is the plan of the house. */
export class DataPlane {
  readonly #ground: Ground
  readonly #databases: Databases
  readonly #doors: Doors
  readonly #reloads: Reloads
  #stopReport = () => {}

  private constructor(file: ConfigFile, ground: Ground) {
    this.#ground = ground
    this.#databases = new Databases(ground)
    this.#doors = new Doors(ground, this.#databases)
    this.#reloads = new Reloads(file, ground, this.#databases, this.#doors)
  }

  /** Opens trail, upstreams, control process and doors, in this order; throws where one can't be. */
  static async open(options: ProxyOptions): Promise<{ proxy: DataPlane; addresses: Addresses }> {
    const proxy = new DataPlane(options.file, await openGround(options))
    try {
      return { proxy, addresses: await proxy.#open() }
    } catch (error) {
      await proxy.close()
      throw error
    }
  }

  async #open(): Promise<Addresses> {
    const { supervisor, config } = this.#ground
    await this.#databases.open()
    const control = await supervisor.start()
    const postgres = await this.#doors.open('postgres', config.listen.postgres)
    const mysql = await this.#doors.open('mysql', config.listen.mysql)
    this.#reloads.watch()
    this.#report()
    return { postgres, mysql, control }
  }

  /** Reads the configuration file again, as SIGHUP asks. */
  reload(): Promise<void> {
    return this.#reloads.reload()
  }

  /** Tells the control plane how we are, for /readyz and /metrics. */
  #report(): void {
    const { supervisor, trail, clock, counters } = this.#ground
    const troubles = [...this.#databases.troubles]
    this.#doors.review()
    if (trail.trouble) troubles.push(`audit: ${trail.trouble}`)
    const told = {
      ...named(counters),
      sessions: this.#doors.sessions,
      ...this.#databases.counters,
    }
    supervisor.report({ troubles, counters: told })
    this.#stopReport = clock.after(REPORT_EVERY, () => this.#report())
  }

  /** Lets nobody in, lets what runs finish, and writes the end of the trail. */
  async close(): Promise<void> {
    this.#reloads.stop()
    this.#stopReport()
    await this.#doors.close(DRAIN_MS)
    await this.#ground.supervisor.stop()
    await this.#databases.close()
    await this.#ground.trail.close()
  }
}

async function openGround(options: ProxyOptions): Promise<Ground> {
  const { file, clock, supervisor, log } = options
  const config = file.current
  const keys = openLocalKeys(config.data)
  return {
    clock,
    log,
    supervisor,
    config,
    keys,
    trail: await openDataTrail(options),
    counters: { statements: 0, held: 0, refused: 0, maskedResults: 0, disagreements: 0, rows: 0 },
    usage: new Usage(clock),
    lookups: new Lookups(clock),
  }
}

function openDataTrail({ file, clock, version }: ProxyOptions): Promise<Trail> {
  const { data, audit, hash } = file.current
  return openTrail({
    folder: join(data, 'audit'),
    name: 'data',
    clock,
    version,
    config: hash,
    checkpoints: {
      everyMs: audit.checkpoint.everyMs,
      keyPath: audit.checkpoint.key ?? join(data, 'keys', 'audit.key'),
    },
  })
}

/** By their names in /metrics. */
function named(counters: Counters): Readonly<Record<string, number>> {
  return {
    statements_total: counters.statements,
    held_total: counters.held,
    refused_total: counters.refused,
    masked_results_total: counters.maskedResults,
    lineage_disagreements_total: counters.disagreements,
    rows_total: counters.rows,
  }
}
