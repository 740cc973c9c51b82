import { Session } from '../../src/session/session.ts'
import { FakeConnection } from '../support/fake-connection.ts'
import { insist } from './clean.ts'
import { type FuzzCase, type Mode, type ModelUpstream, type Run, SENTINEL } from './fuzz-case.ts'
import { FuzzGate, FuzzTrail, type FuzzWorld, ManualClock, PRINCIPAL } from './fuzz-world.ts'
import type { Random } from './random.ts'
import type { Fuzzer } from './run.ts'
import { SECRET } from './texts.ts'

const MODES = ['nobody', 'client', 'client', 'server'] as const
/** Steps without an end would be a hang. */
const MAX_STEPS = 5_000

/** Whole sessions: a client that says anything, the real session, and a server that notes what runs. */
export function openSessionFuzzer(
  world: FuzzWorld,
  trace: (line: string) => void = () => {},
): Fuzzer {
  const totals = { statements: 0, signed: 0, closed: 0, answers: 0 }
  return {
    async run(random, index) {
      const fuzzed = new FuzzedSession(world, random, MODES[index % MODES.length] as Mode, trace)
      await fuzzed.run()
      totals.statements += fuzzed.server.runs.length
      totals.signed += fuzzed.signed
      totals.answers += fuzzed.answers
      if (fuzzed.closed) totals.closed++
    },
    async end() {
      await world.close()
      return totals
    },
  }
}

class FuzzedSession {
  readonly server: ModelUpstream
  closed = false
  signed = 0
  answers = 0
  readonly #case: FuzzCase
  readonly #random: Random
  readonly #mode: Mode
  readonly #trace: (line: string) => void
  readonly #clock = new ManualClock()
  readonly #gate: FuzzGate
  readonly #trail: FuzzTrail
  readonly #client = new FakeConnection()
  readonly #upstream = new FakeConnection()
  readonly #session: Session
  #fromClient: Buffer[] = []
  #fromServer: Buffer[] = []
  #shown: Buffer[] = []
  #checkedRuns = 0
  #steps = 0

  constructor(world: FuzzWorld, random: Random, mode: Mode, trace: (line: string) => void) {
    this.#trace = trace
    this.#random = random
    this.#mode = mode
    this.#case = world.openCase(random, mode)
    this.server = this.#case.server
    this.#gate = new FuzzGate(random)
    this.#trail = new FuzzTrail(random)
    this.#session = new Session({
      services: world.services({ clock: this.#clock, gate: this.#gate, trail: this.#trail }),
      principal: PRINCIPAL,
      client: this.#client.face,
      upstream: this.#upstream.face,
      hello: this.#case.hello,
      welcome: this.#case.welcome,
      kill: () => false,
      heads: { client: Buffer.alloc(0), upstream: Buffer.alloc(0) },
      cancelUpstream: async () => {},
      onClosed: () => {
        this.closed = true
      },
    })
  }

  async run(): Promise<void> {
    this.#session.start()
    const messages = this.#case.script()
    await this.#say(this.#mode === 'client' ? this.#case.mutate(messages) : messages)
    if (this.#mode === 'nobody' && !this.closed) await this.#stillAnswers()
    this.#client.hangUp()
    await this.#untilQuiet()
    this.#checkEnd()
  }

  async #say(messages: readonly Buffer[]): Promise<void> {
    this.#fromClient.push(...this.#random.pieces(Buffer.concat(messages)))
    await this.#untilQuiet()
  }

  /** Whatever happened before: one who asks properly gets an answer. */
  async #stillAnswers(): Promise<void> {
    this.#trail.ailing = false
    for (let tries = 0; tries < 4 && !this.closed; tries++) {
      const before = this.server.runs.length
      await this.#say(this.#case.sentinel())
      if (this.server.runs.slice(before).some(({ text }) => text === SENTINEL)) {
        this.#case.checkLastAnswer(this.#allShown(), this.#mode)
        return
      }
    }
    insist(this.closed, () => 'the session answers no more')
  }

  // === one step after the other

  async #untilQuiet(): Promise<void> {
    for (let idle = 0; idle < 4; ) {
      insist(++this.#steps < MAX_STEPS, () => 'no end')
      const acted = this.#act()
      this.#carry()
      await new Promise((resolve) => setImmediate(resolve))
      this.#carry()
      idle = acted ? 0 : idle + 1
    }
  }

  /** Does one of the things that can happen next. */
  #act(): boolean {
    const acts: (() => void)[] = []
    if (this.#fromClient.length > 0 && this.#client.readable) {
      acts.push(() => this.#deliver('client', this.#client, this.#fromClient))
    }
    if (this.#fromServer.length > 0 && this.#upstream.readable) {
      acts.push(() => this.#deliver('server', this.#upstream, this.#fromServer))
    }
    if (this.#gate.waiting.size > 0) {
      acts.push(() => this.#gate.answerOne())
      if (this.#random.oneIn(10)) acts.push(() => this.#session.cancel('127.0.0.1'))
      if (this.#random.oneIn(10)) acts.push(() => this.#clock.advance(21_000))
    }
    for (const connection of [this.#client, this.#upstream]) {
      if (connection.holdsBack) acts.push(() => connection.drain())
      else if (this.#random.oneIn(20)) connection.takes = false
    }
    if (acts.length === 0) return false
    this.#random.pick(acts)()
    return true
  }

  #deliver(who: string, connection: FakeConnection, pieces: Buffer[]): void {
    const piece = pieces.shift() as Buffer
    this.#trace(`${who} says ${shortly(piece)}`)
    connection.deliver(piece)
  }

  /** Takes what the session sent to where it goes. */
  #carry(): void {
    const shown = this.#client.take()
    if (shown.length > 0) {
      this.#trace(`client hears ${shortly(shown)}`)
      this.#shown.push(shown)
    }
    const asked = this.#upstream.take()
    if (asked.length > 0 && !this.server.hasEnded) this.#hear(asked)
    // What it said before that comes first, as on any connection.
    if (this.server.hasEnded && this.#fromServer.length === 0) this.#upstream.hangUp()
  }

  #hear(asked: Buffer): void {
    this.#trace(`server hears ${shortly(asked)}`)
    const replies = this.server.hear(asked)
    this.#checkRuns()
    if (replies.length > 0) this.#answer(replies)
  }

  #answer(replies: Buffer): void {
    const lies = this.#mode === 'server' && this.#random.oneIn(4)
    const sent = lies ? Buffer.concat(this.#case.mutate(this.#case.cut(replies))) : replies
    if (sent.length > 0) this.#fromServer.push(...this.#random.pieces(sent))
  }

  // === what must hold

  #checkRuns(): void {
    const { runs } = this.server
    for (; this.#checkedRuns < runs.length; this.#checkedRuns++) {
      this.#checkRun(runs[this.#checkedRuns] as Run, runs[this.#checkedRuns - 1])
    }
    const denied = this.server.prepared.find((sql) => this.#case.denies(sql))
    insist(denied === undefined, () => `denied, and prepared: ${denied}`)
  }

  #checkRun(run: Run, before: Run | undefined): void {
    // PREPARE runs nothing of what it names.
    if (run.resolved.startsWith('PREPARE ')) return
    const needs = /\b(?:FROM|INTO|TABLE|UPDATE) (denied_t|held_t)\b|\bCOPY \w+ TO\b/.exec(
      run.resolved,
    )
    if (needs === null || (before?.turn === run.turn && this.#isSigned(before))) return
    const { credits } = this.#gate
    const index = credits.findIndex(
      ({ statement, tables, effects }) =>
        // Of what SQL's PREPARE made, the whole PREPARE is shown.
        (statement === run.text || statement.endsWith(` AS ${run.text}`)) &&
        // A text that nobody can read is shown as it is, and names no table.
        (effects.some(({ effect }) => effect === 'opaque') ||
          needs[0].startsWith('COPY') ||
          (needs[1] === 'held_t' && tables.some(({ name }) => name.endsWith('held_t')))),
    )
    const signed = () => JSON.stringify(credits.map(({ statement }) => statement))
    insist(index >= 0, () => `unsigned, and run: ${JSON.stringify(run)}; signed: ${signed()}`)
    credits.splice(index, 1)
    this.signed++
    this.#signedTurn = run.turn
  }

  #signedTurn = -1

  #isSigned(run: Run): boolean {
    return run.turn === this.#signedTurn
  }

  #allShown(): Buffer {
    this.#shown = [Buffer.concat(this.#shown)]
    return this.#shown[0] as Buffer
  }

  #checkEnd(): void {
    insist(this.closed, () => 'the client has gone and the session stays')
    insist(this.#upstream.ended, () => 'the connection to the server stays')
    insist(this.#clock.timers === 0, () => `${this.#clock.timers} timers stay`)
    insist(this.server.unfinished.length === 0 || this.#mode !== 'nobody', () => 'half a message')
    const shown = this.#allShown()
    this.answers = this.#case.checkShown(shown, this.#mode)
    const leaked = this.#mode !== 'server' && shown.includes(SECRET)
    insist(!leaked, () => 'a classified value left in clear')
  }
}

/** The proxy's own questions are long, and all alike. */
function shortly(bytes: Buffer): string {
  const text = bytes
    .toString('latin1')
    .replace(/SELECT (?:pg_catalog\.json|COALESCE)[^\0]*/g, '(context)')
  return JSON.stringify(text).replaceAll('\\u0000', '_')
}
