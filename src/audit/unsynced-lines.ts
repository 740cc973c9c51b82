/** A record as it is written, with its line feed. */
export interface Line {
  readonly sequence: number
  readonly bytes: Buffer
}

/** Lines that aren't known to be on disk, in order: they are written again where a segment fails. */
export class UnsyncedLines {
  #lines: Line[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get all(): readonly Line[] {
    return this.#lines
  }

  push(line: Line): void {
    this.#lines.push(line)
    this.#bytes += line.bytes.length
  }

  /** Everything up to this record is on disk. */
  settle(target: number): void {
    const keep = this.#lines.findIndex((line) => line.sequence > target)
    this.#lines = keep < 0 ? [] : this.#lines.slice(keep)
    this.#bytes = this.#lines.reduce((sum, line) => sum + line.bytes.length, 0)
  }
}
