import { z } from 'zod'
import type { Address } from './config.ts'

const UNITS_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const UNITS_BYTES: Record<string, number> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** Longer waits don't fit a timer of Node, which counts milliseconds in 31 bits. */
const LONGEST_MS = 2 ** 31 - 1

/** 25s, 1.5h, 500ms or 0 -> milliseconds; null when it isn't a duration. */
export function parseDuration(text: string): number | null {
  if (text.trim() === '0') return 0
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim())
  if (!match) return null
  return Math.round(Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? Number.NaN))
}

function timerDuration(text: string): number | null {
  const ms = parseDuration(text)
  return ms !== null && ms <= LONGEST_MS ? ms : null
}

/** 64MiB, 512KiB or a number of bytes -> bytes; null when it isn't a size. */
export function parseSize(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB)?$/.exec(text.trim())
  if (!match) return null
  const bytes = Math.round(Number(match[1]) * (UNITS_BYTES[match[2] ?? 'B'] ?? Number.NaN))
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** 127.0.0.1:6432, localhost:0 or [::1]:6432; null when it isn't an address. */
export function parseAddress(text: string): Address | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(text.trim())
  if (!match) return null
  const port = Number(match[2])
  return port <= 65_535 ? { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port } : null
}

/**
 * A text or number that `parse` turns into something else. The error never repeats the value, for
 * it may have come from a secret.
 */
function parsed<T>(parse: (text: string) => T | null, expected: string, description: string) {
  return z
    .union([z.string(), z.number()])
    .describe(description)
    .transform((value, context) => {
      const result = parse(String(value))
      if (result !== null) return result
      context.addIssue({ code: 'custom', message: expected })
      return z.NEVER
    })
}

export const duration = parsed(
  timerDuration,
  'is not a duration of at most 24 days; write it like 500ms, 25s, 30m, 12h or 0',
  'A duration: 500ms, 25s, 30m, 12h, or 0.',
)

export const size = parsed(
  parseSize,
  'is not a size; write it like 64MiB, 512KiB or a number of bytes',
  'A size: 64MiB, 512KiB or a number of bytes.',
)

export const address = parsed(
  parseAddress,
  'is not an address; write it like 127.0.0.1:6432, with port 0 for any free one',
  'host:port; port 0 picks a free one.',
)

/** A text that isn't empty. */
export function text(description: string) {
  return z.string().min(1, 'is empty').describe(description)
}

/** A whole number; also as text, for it may come from the environment. */
export function integer(min: number, max: number, description: string) {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
  return parsed(
    (value) => {
      const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
      return number >= min && number <= max ? number : null
    },
    `is not a whole number ${range}`,
    description,
  )
}

/** true or false; also as text, for it may come from the environment. */
export function flag(description: string) {
  return z
    .union([z.boolean(), z.enum(['true', 'false'])], { error: 'is neither true nor false' })
    .transform((value) => value === true || value === 'true')
    .describe(description)
}

/** One text, or a list of at least one. */
export function oneOrMore(description: string) {
  const one = z.string().min(1, 'is empty')
  return z
    .union([one.transform((value) => [value]), z.array(one).min(1, 'names nothing')], {
      error: 'is neither a text nor a list of texts',
    })
    .describe(description)
}

/** Of databases, groups and agents. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,62}$/,
    'is not a name; use up to 63 letters, digits, and _ . @ -, beginning with a letter or digit',
  )
