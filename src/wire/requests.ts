import type { ProxyError } from '../lib/errors.ts'
import type { Cell } from './columns.ts'

export interface Parameter {
  /** Declared type, or 0 where the client left it to the server. */
  readonly typeOid: number
  readonly format: number
  readonly value: Cell
}

/** What a client asks. Buffers are views of its frame. */
export type Request =
  | { readonly kind: 'query'; readonly sql: Buffer }
  | {
      readonly kind: 'prepare'
      readonly statement: string
      readonly sql: Buffer
      readonly parameterTypes: readonly number[]
    }
  | {
      readonly kind: 'bind'
      readonly portal: string
      readonly statement: string
      /** Types are filled in from the statement by the session. */
      readonly parameters: readonly Parameter[]
      readonly resultFormats: readonly number[]
    }
  | { readonly kind: 'execute'; readonly portal: string; readonly maxRows: number }
  | { readonly kind: 'describe'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'close'; readonly target: 'statement' | 'portal'; readonly name: string }
  | { readonly kind: 'sync' }
  | { readonly kind: 'flush' }
  | { readonly kind: 'copy-data' }
  | { readonly kind: 'copy-end' }
  | { readonly kind: 'terminate' }
  /** Calls a function by its object id, without any text: no rule can read it. */
  | { readonly kind: 'function-call'; readonly oid: number }

/**
 * What a client asks by a protocol of commands (MySQL), beside 'query', 'prepare' and 'terminate'.
 * Each is one round trip; `long-data` and `free` have no answer.
 */
export type CommandRequest =
  /** Executes a prepared statement with these values. */
  | {
      readonly kind: 'run'
      readonly statement: string
      /**
       * Long data included. Values are of the binary protocol, `typeOid` is the type's two bytes.
       * Throws UNKNOWN_STATEMENT until the server has answered the statement's preparation.
       */
      readonly parameters: () => readonly Parameter[]
      /** True where a cursor is opened: its rows come by `fetch`. */
      readonly cursor: boolean
    }
  | { readonly kind: 'fetch'; readonly statement: string; readonly maxRows: number }
  /** A part of a value; it is kept, and goes with the next `run`. */
  | { readonly kind: 'long-data'; readonly statement: string }
  | { readonly kind: 'reset'; readonly statement: string }
  | { readonly kind: 'free'; readonly statement: string }
  | { readonly kind: 'use'; readonly database: string }
  | { readonly kind: 'field-list'; readonly table: string }
  /** Of a session by the id that its greeting gave; never forwarded. */
  | { readonly kind: 'kill'; readonly connectionId: number }
  | { readonly kind: 'multi-statements'; readonly on: boolean }
  | { readonly kind: 'ping' | 'statistics' | 'reset-connection' }
  /** A command that no rule allows; never forwarded, answered with this error. */
  | { readonly kind: 'refused'; readonly command: string; readonly error: ProxyError }

/** What a session hears from its client, whatever protocol it speaks. */
export type AnyRequest = Request | CommandRequest
