import { rowArea } from '../row-area.ts'

/** A row of which some pieces are replaced; what stands between them is copied as it is. */
export class RowAnew {
  readonly #payload: Buffer
  readonly #begins: number[] = []
  readonly #ends: number[] = []
  readonly #pieces: Buffer[] = []
  #length: number

  constructor(payload: Buffer) {
    this.#payload = payload
    this.#length = payload.length
  }

  /** Pieces come in their order and don't overlap. */
  replace(begin: number, end: number, piece: Buffer): void {
    this.#begins.push(begin)
    this.#ends.push(end)
    this.#pieces.push(piece)
    this.#length += piece.length - (end - begin)
  }

  /** The row, behind `room` bytes that are left free. */
  written(room: number): Buffer {
    const payload = this.#payload
    const out = rowArea.take(room + this.#length)
    let from = 0
    let to = room
    for (let index = 0; index < this.#pieces.length; index++) {
      to += payload.copy(out, to, from, this.#begins[index] as number)
      to += (this.#pieces[index] as Buffer).copy(out, to)
      from = this.#ends[index] as number
    }
    payload.copy(out, to, from)
    return out
  }
}
