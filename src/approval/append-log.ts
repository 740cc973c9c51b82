import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Deferred, deferred } from '../lib/deferred.ts'
import { messageOf } from '../lib/errors.ts'

/** Opens a file; a test gives one whose disk fails. */
export type OpenFile = (path: string, flags: string, mode: number) => Promise<FileHandle>

interface Entry {
  readonly line: string
  readonly commit: () => void
  readonly done: Deferred<void>
}

/** Bytes appended since the last snapshot after which the file is written anew. */
const COMPACT_AFTER = 32 * 1024 * 1024

/**
 * An append-only file of lines of JSON. What is appended together is synced together. After a
 * failed write nobody knows what is on the disk, so the next append begins by writing the whole
 * file anew from `snapshot`.
 */
export class AppendLog {
  readonly #path: string
  readonly #snapshot: () => Iterable<string>
  readonly #open: OpenFile
  #file: FileHandle | null = null
  #queue: Entry[] = []
  #pumping: Promise<void> | null = null
  #appended = 0
  #closed = false
  #trouble: string | null = null

  private constructor(path: string, snapshot: () => Iterable<string>, openFile: OpenFile) {
    this.#path = path
    this.#snapshot = snapshot
    this.#open = openFile
  }

  /**
   * Reads the lines that are there, gives them to `replay`, and writes the file anew from
   * `snapshot`. A last line torn by a kill is dropped: nobody was told that it was kept. A broken
   * line with good ones behind it is damage; then it throws.
   */
  static async open(
    path: string,
    replay: (line: unknown) => void,
    snapshot: () => Iterable<string>,
    openFile: OpenFile = open,
  ): Promise<AppendLog> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    for (const line of parseLines(path, await textOf(path))) replay(line)
    const log = new AppendLog(path, snapshot, openFile)
    await log.#rewrite()
    return log
  }

  /** Why the file can't be written, or null. */
  get trouble(): string | null {
    return this.#trouble
  }

  /** Resolves once the line is on the disk; `commit` has been called by then. Rejects otherwise. */
  append(record: unknown, commit: () => void): Promise<void> {
    if (this.#closed) return Promise.reject(new Error(`${this.#path} is closed`))
    const entry = { line: `${JSON.stringify(record)}\n`, commit, done: deferred<void>() }
    this.#queue.push(entry)
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = null
    })
    return entry.done.promise
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#pumping
    await this.#file?.close()
    this.#file = null
  }

  async #pump(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue
      this.#queue = []
      try {
        await this.#write(batch)
        this.#trouble = null
        for (const entry of batch) entry.commit()
        for (const entry of batch) entry.done.resolve()
      } catch (error) {
        await this.#giveUp(error, batch)
      }
    }
  }

  async #write(batch: readonly Entry[]): Promise<void> {
    if (this.#file === null || this.#appended > COMPACT_AFTER) await this.#rewrite()
    const bytes = Buffer.from(batch.map((entry) => entry.line).join(''))
    await this.#file?.appendFile(bytes)
    await this.#file?.datasync()
    this.#appended += bytes.length
  }

  async #giveUp(error: unknown, batch: readonly Entry[]): Promise<void> {
    this.#trouble = messageOf(error)
    await this.#file?.close().catch(() => {})
    this.#file = null
    for (const entry of batch) entry.done.reject(error)
  }

  async #rewrite(): Promise<void> {
    const temporary = `${this.#path}.tmp`
    const file = await this.#open(temporary, 'w', 0o600)
    try {
      for (const line of this.#snapshot()) await file.appendFile(`${line}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, this.#path)
    await syncFolder(dirname(this.#path))
    await this.#file?.close()
    this.#file = await this.#open(this.#path, 'a', 0o600)
    this.#appended = 0
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function* parseLines(path: string, text: string): Generator<unknown> {
  const lines = text.split('\n')
  const parsed = lines.map(parseLine)
  const end = parsed.findLastIndex((line) => line !== undefined)
  const broken = parsed.findIndex((line, at) => line === undefined && at < end)
  if (broken >= 0) throw new Error(`${path} is damaged at line ${broken + 1}`)
  // Without its newline a line isn't whole, even where what there is of it parses.
  const whole = text.endsWith('\n') ? parsed.length : parsed.length - 1
  yield* parsed.slice(0, Math.min(end + 1, whole))
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  await folder.sync().finally(() => folder.close())
}
