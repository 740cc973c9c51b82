import { ProxyError } from '../../lib/errors.ts'
import type { RowLayout } from '../row-masking.ts'
import { HEADER, payloadLength } from './packets.ts'

/** What rows of text and binary rows share: each is one packet, which keeps its sequence id. */
export const packetRows: Pick<RowLayout, 'endOf' | 'setLength'> = {
  /** The framer has cut them: of the last one all is there. */
  endOf(rows, at) {
    const header = at + HEADER
    const end = header <= rows.length ? header + payloadLength(rows, at) : header
    if (end > rows.length) throw misfit()
    return end
  },

  setLength(out, begin, length) {
    const payload = length - HEADER
    out[begin] = payload
    out[begin + 1] = payload >> 8
    out[begin + 2] = payload >> 16
  },
}

export function misfit(): ProxyError {
  return new ProxyError('PROTOCOL_VIOLATION', 'a row does not fit the description of its result')
}
