import { serialize } from 'pg-protocol'

/** What ends the reading of an answer. */
export type Until =
  /** This many messages of one type: its letter in the manual, section 54.7. */
  | { readonly letter: string; readonly count: number }
  /** Nothing is awaited: what comes is read by a later step. */
  | 'nothing'
  /** The other end closes the connection. */
  | 'end'

/** How the bytes are cut into writes. */
export type Cut = 'whole' | 'a byte at a time' | 'inside each header'

/** One exchange: what a session sends, and how far its answer goes. */
export interface Step {
  readonly session: string
  readonly bytes: readonly Buffer[]
  readonly cut: Cut
  readonly until: Until
}

/** A story that one client, or several at once, tell a server. Each begins with a fresh login. */
export interface Conversation {
  readonly name: string
  readonly steps: readonly Step[]
  /** Parameters of the startup packet. */
  readonly startup?: Readonly<Record<string, string>>
}

export const FIRST = 'first'
export const SECOND = 'second'

const READY: Until = { letter: 'Z', count: 1 }

/** Sends what it is given with one write and reads to one ReadyForQuery. */
export function send(...bytes: readonly Buffer[]): Step {
  return { session: FIRST, bytes, cut: 'whole', until: READY }
}

/** Simple queries, an exchange each. */
export function queries(...texts: readonly string[]): Step[] {
  return texts.map((text) => send(serialize.query(text)))
}

export function until(step: Step, letter: string, count = 1): Step {
  return { ...step, until: { letter, count } }
}

/** Nothing is awaited. */
export function tell(...bytes: readonly Buffer[]): Step {
  return { ...send(...bytes), until: 'nothing' }
}

export function untilEnd(...bytes: readonly Buffer[]): Step {
  return { ...send(...bytes), until: 'end' }
}

/** The same steps by another session. */
export function by(session: string, ...steps: readonly Step[]): Step[] {
  return steps.map((step) => ({ ...step, session }))
}

export function cutUp(cut: Cut, ...steps: readonly Step[]): Step[] {
  return steps.map((step) => ({ ...step, cut }))
}

export const SYNC = serialize.sync()
export const FLUSH = serialize.flush()

export function parse(text: string, name = '', types: number[] = []): Buffer {
  return serialize.parse({ text, name, types })
}

export interface Binding {
  readonly portal?: string
  readonly statement?: string
  /** Buffers go as binary parameters, strings as text. */
  readonly values?: readonly (string | Buffer | null)[]
  /** Results in binary format. */
  readonly binary?: boolean
}

export function bind(binding: Binding = {}): Buffer {
  const { values = [], ...rest } = binding
  return serialize.bind({ ...rest, values: [...values] })
}

export function execute(portal = '', rows = 0): Buffer {
  return serialize.execute({ portal, rows })
}

export function describe(type: 'S' | 'P', name = ''): Buffer {
  return serialize.describe({ type, name })
}

export function close(type: 'S' | 'P', name = ''): Buffer {
  return serialize.close({ type, name })
}

/** Everything that the extended protocol can ask about one statement, in one pipeline. */
export function extended(text: string, binding: Binding = {}): Step {
  return send(
    parse(text),
    describe('S'),
    bind(binding),
    describe('P'),
    execute(),
    close('P'),
    close('S'),
    SYNC,
  )
}
