import { readFileSync } from 'node:fs'
import type { Config } from './config/config.ts'
import type { ConfigFile, Reload } from './config/config-file.ts'
import { closeAll, type Databases } from './databases/databases.ts'
import type { House } from './databases/house.ts'
import type { Doors } from './doors.ts'
import type { Ground } from './ground.ts'
import { messageOf } from './lib/errors.ts'
import { sameJson } from './lib/same-json.ts'

/** Puts other configurations in force while the proxy runs. */
export class Reloads {
  readonly #file: ConfigFile
  readonly #ground: Ground
  readonly #databases: Databases
  readonly #doors: Doors
  #last: Promise<void> = Promise.resolve()
  #stopWatch = () => {}

  constructor(file: ConfigFile, ground: Ground, databases: Databases, doors: Doors) {
    this.#file = file
    this.#ground = ground
    this.#databases = databases
    this.#doors = doors
  }

  /** Takes over what the file comes to say. */
  watch(): void {
    this.#stopWatch = this.#file.watch((reload) => void this.#inTurn(reload))
  }

  stop(): void {
    this.#stopWatch()
  }

  /** Reads the configuration file again, as SIGHUP asks. */
  async reload(): Promise<void> {
    await this.#inTurn(await this.#file.reload())
  }

  /** One reload after the other. */
  #inTurn(reload: Reload): Promise<void> {
    this.#last = this.#last.then(() => this.#takeOver(reload))
    return this.#last
  }

  async #takeOver(reload: Reload): Promise<void> {
    if (reload.kind === 'same') return
    const problems = reload.kind === 'refused' ? reload.problems : await this.#apply(reload.config)
    const { log } = this.#ground
    if (problems.length === 0) log('the configuration has been reloaded')
    else log(`the configuration stays as it was:\n${problems.join('\n')}`)
    this.#record(problems)
  }

  /** Puts a configuration in force, or says why it can't be and leaves everything as it was. */
  async #apply(config: Config): Promise<readonly string[]> {
    const before = this.#ground.config
    let built: readonly House[] = []
    try {
      this.#ground.config = config
      built = await this.#databases.buildChanged(config)
      await this.#reloadControl()
    } catch (error) {
      this.#ground.config = before
      await closeAll(built)
      return [messageOf(error)]
    }
    await this.#databases.moveIn(built)
    this.#doors.review()
    if (!sameJson(before.listen, config.listen) || before.data !== config.data) {
      this.#ground.log('listen and data take effect at the next start; they stay as they were')
    }
    return []
  }

  /** The control process reads the same text by itself, and can refuse it. */
  async #reloadControl(): Promise<void> {
    const refused = await this.#ground.supervisor.reload(readFileSync(this.#file.path, 'utf8'))
    if (refused.length > 0) throw new Error(refused.join('\n'))
  }

  #record(problems: readonly string[]): void {
    const { trail, config } = this.#ground
    try {
      trail.append({ type: 'config.reloaded', config: config.hash, problems })
    } catch {
      // The trail's own trouble is reported where statements are refused.
    }
  }
}
