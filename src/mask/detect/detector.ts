import type { Masker } from '../plan.ts'
import { hidden } from './hide.ts'
import type { Detection, Finder } from './kinds.ts'
import { finderOf } from './look.ts'

/** Nothing that is looked for is shorter: a Spanish DNI has nine characters. */
const SHORTEST = 9
/** Bytes of one value that are looked at; what stands behind them passes, and is counted. */
export const LOOKED_AT = 64 * 1024

/** Who is told of what was found. Never of a value. */
export interface DetectorReports {
  found(column: string, kind: Detection): void
  /** A value was longer than what is looked at. */
  cutShort(): void
}

/** Hides what looks like a secret in text that nobody has classified. */
export class Detector {
  readonly #find: Finder
  readonly #reports: DetectorReports

  constructor(kinds: readonly Detection[], reports: DetectorReports) {
    this.#find = finderOf(kinds)
    this.#reports = reports
  }

  /**
   * The masker of a column of text. Bytes are looked at as one character each, which serves UTF-8
   * and every set that writes ASCII as ASCII alone.
   */
  masker(column: string, document: boolean): Masker {
    return (cell) => {
      if (cell.length < SHORTEST) return cell
      if (cell.length > LOOKED_AT) this.#reports.cutShort()
      const found = this.#find(cell.toString('latin1', 0, LOOKED_AT))
      if (found.length === 0) return cell
      for (const { kind } of found) this.#reports.found(column, kind)
      return hidden(cell, found, document)
    }
  }

  /** The same for text in another encoding. */
  encodedMasker(
    column: string,
    { decode, encode }: { decode(cell: Buffer): string; encode(text: string): Buffer },
    document: boolean,
  ): Masker {
    const masker = this.masker(column, document)
    return (cell) => {
      // What isn't ASCII is one character here, too, so that its place is kept.
      const text = decode(cell)
      const looked = Buffer.from(text.replace(/[^\0-\x7f]/g, '\x7f'), 'latin1')
      const shown = masker(looked)
      if (shown === null || shown === looked) return cell
      const characters = Array.from(shown.toString('latin1'), (c, i) =>
        c === '\x7f' ? text[i] : c,
      )
      return encode(characters.join(''))
    }
  }
}
