import { ProxyError } from '../lib/errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Up to here a look at each byte is cheaper than a call of the decoder. */
const SHORT = 64

/** Decodes UTF-8 and refuses what isn't; never substitutes, so text and bytes can't differ. */
export function strictUtf8(bytes: Buffer): string {
  if (bytes.length === 0) return ''
  if (bytes.length <= SHORT && isAscii(bytes)) return bytes.toString('latin1')
  try {
    return utf8.decode(bytes)
  } catch {
    throw new ProxyError('PROTOCOL_VIOLATION', 'a text field is not valid UTF-8')
  }
}

function isAscii(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] as number) >= 0x80) return false
  }
  return true
}
