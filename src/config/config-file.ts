import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { CancelTimer, Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { Config } from './config.ts'
import { type ParsedConfig, parseConfig } from './parse-config.ts'

/** Editors write in several steps; what they leave after this long is read. */
const SETTLE_MS = 150

export type Reload =
  | { readonly kind: 'changed'; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly kind: 'same' }
  /** The configuration that was in force stays so. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

export interface ConfigFileOptions {
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** A last word on a file that parses: problems keep it out. */
  readonly accept?: (config: Config) => readonly string[]
}

/** A configuration in force, and the file that it came from. */
export class ConfigFile {
  readonly path: string
  readonly #options: ConfigFileOptions
  #current: Config
  #reading: Promise<Reload> | null = null
  #watcher: FSWatcher | null = null
  #cancelSettle: CancelTimer = () => undefined

  private constructor(options: ConfigFileOptions, current: Config) {
    this.path = resolve(options.path)
    this.#options = options
    this.#current = current
  }

  /** Reads the file for the first time. */
  static async open(
    options: ConfigFileOptions,
  ): Promise<
    | { ok: true; file: ConfigFile; warnings: readonly string[] }
    | { ok: false; problems: readonly string[] }
  > {
    const read = await readConfig(options)
    if (!read.ok) return read
    return { ok: true, file: new ConfigFile(options, read.config), warnings: read.warnings }
  }

  get current(): Config {
    return this.#current
  }

  /** Reads the file again; callers that ask while a reading is under way share the next one. */
  async reload(): Promise<Reload> {
    while (this.#reading !== null) await this.#reading
    this.#reading = this.#reload()
    try {
      return await this.#reading
    } finally {
      this.#reading = null
    }
  }

  async #reload(): Promise<Reload> {
    const read = await readConfig(this.#options)
    if (!read.ok) return { kind: 'refused', problems: read.problems }
    // The text may be the same and what it refers to (a file, the environment) not.
    if (isDeepStrictEqual(read.config, this.#current)) return { kind: 'same' }
    this.#current = read.config
    return { kind: 'changed', config: read.config, warnings: read.warnings }
  }

  /**
   * Reloads when the file changes and says what came of it. The folder is watched, not the file:
   * editors and config maps put another file in its place. Returns what ends the watch.
   */
  watch(onReload: (reload: Reload) => void): () => void {
    const name = basename(this.path)
    this.#watcher = watch(dirname(this.path), (_event, changed) => {
      // A config map changes a link beside the file, whose name says nothing of it.
      if (changed === null || changed === name || changed.startsWith('..')) this.#settle(onReload)
    })
    this.#watcher.on('error', (error) => {
      onReload({
        kind: 'refused',
        problems: [`the file is no longer watched: ${messageOf(error)}`],
      })
    })
    return () => {
      this.#cancelSettle()
      this.#watcher?.close()
      this.#watcher = null
    }
  }

  #settle(onReload: (reload: Reload) => void): void {
    this.#cancelSettle()
    this.#cancelSettle = this.#options.clock.after(SETTLE_MS, () => {
      void this.reload().then(onReload)
    })
  }
}

/** Reads and parses a configuration file; a file that can't be read is a problem like others. */
export async function readConfig(options: Omit<ConfigFileOptions, 'clock'>): Promise<ParsedConfig> {
  try {
    const text = await readFile(options.path, 'utf8')
    // Who saves in two steps leaves an empty file between them: nobody is to be shut out by it.
    if (text.trim() === '') return { ok: false, problems: ['the file: is empty'] }
    const parsed = parseConfig(text, options)
    const problems = parsed.ok ? (options.accept?.(parsed.config) ?? []) : []
    return problems.length > 0 ? { ok: false, problems } : parsed
  } catch (error) {
    return { ok: false, problems: [`${options.path}: can't be read (${messageOf(error)})`] }
  }
}
