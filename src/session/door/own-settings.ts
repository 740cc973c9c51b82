import { ProxyError } from '../../lib/errors.ts'

const NAMES = ['claim', 'reason', 'on_behalf_of', 'hold', 'clear']
const MAX_LENGTH = 500
const DATA_CLASS = /^[\w*-]+(?:\.[\w*-]+)*$/

/**
 * Reads the `countersign.*` settings of a startup packet: `claim` or `reason` (what the agent says it does),
 * `on_behalf_of` (the person it acts for), `hold` (how long it wants to be held: 10s, 0, 500ms) and
 * `clear` (data classes that it asks to see in clear: pii.email, pci.*).
 */
export function readOwnSettings(own: ReadonlyMap<string, string>): {
  claim: string | null
  onBehalfOf: string | null
  asksHoldMs: number | null
  asksClear: readonly string[]
} {
  for (const name of own.keys()) {
    if (!NAMES.includes(name)) {
      throw refused(`setting "countersign.${name}" is not known: use ${NAMES.join(', ')}`)
    }
  }
  const hold = own.get('hold')
  return {
    claim: short(own.get('claim') ?? own.get('reason')),
    onBehalfOf: short(own.get('on_behalf_of')),
    asksHoldMs: hold === undefined ? null : readHold(hold),
    asksClear: readClasses(short(own.get('clear')) ?? ''),
  }
}

function short(text: string | undefined): string | null {
  if (text === undefined || text === '') return null
  if (text.length > MAX_LENGTH)
    throw refused(`a countersign setting is over ${MAX_LENGTH} characters`)
  return text
}

function readHold(text: string): number {
  const match = /^(\d{1,7})(ms|s|m)?$/.exec(text)
  if (!match) throw refused(`countersign.hold="${text}" is not a duration such as 10s`)
  const unit = { ms: 1, s: 1000, m: 60_000 }[match[2] ?? 's'] ?? 1000
  return Number(match[1]) * unit
}

function readClasses(text: string): readonly string[] {
  const classes = text.split(',').map((one) => one.trim())
  if (text === '') return []
  const wrong = classes.find((one) => !DATA_CLASS.test(one))
  if (wrong === undefined) return [...new Set(classes)]
  throw refused(`countersign.clear names "${wrong}", which is no data class such as pii.email`)
}

function refused(why: string): ProxyError {
  return new ProxyError('STARTUP_REFUSED', why)
}
