import { ProxyError } from '../../lib/errors.ts'

/** Settings that an agent may choose when it connects, and what their values may be. */
const ACCEPTED: ReadonlyMap<string, (value: string) => boolean> = new Map([
  ['application_name', () => true],
  ['client_encoding', isUtf8],
  ['datestyle', () => true],
  ['timezone', () => true],
  ['intervalstyle', () => true],
  ['extra_float_digits', (value) => /^-?\d+$/.test(value.trim())],
  ['search_path', isLiteralList],
])

const OWN_PREFIX = 'countersign.'

/** asyncpg sends the encoding in quotes. */
function isUtf8(value: string): boolean {
  return /^'?utf-?8'?$/i.test(value) || /^'?unicode'?$/i.test(value)
}

/** Plain or quoted identifiers and "$user", separated by commas; nothing that would be computed. */
function isLiteralList(value: string): boolean {
  const item = `(?:[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*|"(?:[^"\\0]|"")+"|\\$user|'(?:[^'\\\\\\0])*')`
  return new RegExp(`^\\s*(?:${item}\\s*(?:,\\s*${item}\\s*)*)?$`).test(value)
}

/**
 * Sorts what a startup packet asks for into settings for the upstream and `countersign.*` settings
 * of our own. Whatever isn't on the list could change what a statement means: refused by name.
 */
export function collectSettings(given: readonly (readonly [string, string])[]): {
  settings: Map<string, string>
  own: Map<string, string>
} {
  const settings = new Map<string, string>()
  const own = new Map<string, string>()
  for (const [name, value] of given) {
    // Names of settings are compared without regard to case (guc_name_compare).
    const key = name.toLowerCase()
    if (key.startsWith(OWN_PREFIX)) {
      own.set(key.slice(OWN_PREFIX.length), value)
      continue
    }
    const accepts = ACCEPTED.get(key)
    if (!accepts) throw refused(name, 'is not accepted in the startup packet')
    if (!accepts(value)) throw refused(name, `does not accept this value`)
    settings.set(key, key === 'client_encoding' ? 'UTF8' : value)
  }
  return { settings, own }
}

function refused(name: string, why: string): ProxyError {
  return new ProxyError('STARTUP_REFUSED', `setting "${name}" ${why}`)
}
