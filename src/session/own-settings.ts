import { ProxyError } from '../lib/errors.ts'

const MAX_LENGTH = 500

/**
 * Reads the `countersign.*` settings of a startup packet: `claim` (what the agent says it does),
 * `on_behalf_of` (the person it acts for) and `hold` (how long it wants to be held: 10s, 0, 500ms).
 */
export function readOwnSettings(own: ReadonlyMap<string, string>): {
  claim: string | null
  onBehalfOf: string | null
  asksHoldMs: number | null
} {
  for (const name of own.keys()) {
    if (!['claim', 'on_behalf_of', 'hold'].includes(name)) {
      throw refused(`setting "countersign.${name}" is not known: use claim, on_behalf_of or hold`)
    }
  }
  const hold = own.get('hold')
  return {
    claim: short(own.get('claim')),
    onBehalfOf: short(own.get('on_behalf_of')),
    asksHoldMs: hold === undefined ? null : readHold(hold),
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

function refused(why: string): ProxyError {
  return new ProxyError('STARTUP_REFUSED', why)
}
