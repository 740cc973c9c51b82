import { serialize } from 'pg-protocol'
import { insist } from './clean.ts'
import { type FuzzCase, type Mode, SENTINEL } from './fuzz-case.ts'
import { ModelServer } from './model-server.ts'
import { mutate } from './mutate.ts'
import type { Random } from './random.ts'
import { clientScript } from './scripts.ts'
import { TEXTS } from './texts.ts'
import { serverMessages } from './wellformed.ts'

const DENIED = new Set(TEXTS.filter((text) => /^(SELECT|INSERT).*denied_t/.test(text)))

const read = (shown: Buffer, mode: Mode) =>
  serverMessages(shown, mode === 'server' ? 'unchecked' : 'checked')

export function postgresCase(random: Random): FuzzCase {
  return {
    server: new ModelServer(random),
    hello: { user: 'bot', database: 'shop', settings: new Map(), own: new Map() },
    welcome: {
      notices: [],
      settings: new Map(),
      cancelKey: { processId: 7, secret: Buffer.alloc(0) },
    },
    script: () => clientScript(random, TEXTS),
    sentinel: () => [serialize.copyFail('over'), serialize.sync(), serialize.query(SENTINEL)],
    mutate: (messages) => mutate(random, messages),
    cut,
    checkShown,
    checkLastAnswer(shown, mode) {
      const last = read(shown, mode).messages.at(-1)?.letter
      insist(last === 'Z', () => `the last answer ends in ${last}`)
    },
    denies: (sql) => DENIED.has(sql),
  }
}

function checkShown(shown: Buffer, mode: Mode): number {
  const { messages, unfinished } = read(shown, mode)
  insist(unfinished.length === 0 || mode !== 'nobody', () => 'half a message is shown')
  const halfError = unfinished.toString('latin1').includes('SFATAL')
  insist(!halfError, () => 'an error within another message')
  for (const { letter, body } of messages) {
    const expected = mode === 'server' && body.includes('COPY')
    const internal = letter === 'E' && body.includes('CXX000\0') && !expected
    insist(!internal, () => `an internal error: ${body.toString('latin1')}`)
  }
  return messages.length
}

function cut(stream: Buffer): Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at < stream.length; ) {
    const end = at + 1 + stream.readUInt32BE(at + 1)
    messages.push(stream.subarray(at, end))
    at = end
  }
  return messages
}
