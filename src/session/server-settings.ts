import type { Settings } from './services.ts'

/** Those by which MySQL servers read texts. */
const READ_BY = ['sql_mode', 'character_set_client']

/** A session's settings, by the server's word. */
export class ServerSettings {
  #now: Settings

  constructor(atFirst: Settings) {
    this.#now = atFirst
  }

  /** Another map after each change. */
  get now(): Settings {
    return this.#now
  }

  /** The same text as long as texts are read the same. */
  get readBy(): string {
    return READ_BY.map((name) => this.#now.get(name)).join()
  }

  said(name: string, value: string): void {
    if (this.#now.get(name) === value) return
    this.#now = new Map(this.#now).set(name, value)
  }
}
