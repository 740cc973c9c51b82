import { Permit } from '../approval/permit.ts'
import type { Principal } from '../identity/principal.ts'
import type { CancelTimer } from '../lib/clock.ts'
import { messageOf, ProxyError } from '../lib/errors.ts'
import { newId } from '../lib/ids.ts'
import type { Connection } from '../net/connection.ts'
import { Framer, type FrameSink } from '../wire/framer.ts'
import { Outbox } from '../wire/outbox.ts'
import type {
  AnyRequest,
  Dialogue,
  Hello,
  MessageFramer,
  UpstreamWelcome,
} from '../wire/protocol.ts'
import { CommandJudge } from './command-judge.ts'
import { Diagnostics } from './diagnostics.ts'
import type { Exchange } from './exchange.ts'
import { Flow, PROTOCOL } from './flow.ts'
import { Inbox } from './inbox.ts'
import { Notifications } from './notifications.ts'
import { OwnAnswers } from './own-answers.ts'
import { PortalJudge } from './portal-judge.ts'
import { PreparedCommands } from './prepared-commands.ts'
import { Records } from './records.ts'
import { Replies } from './replies.ts'
import { type ResultMeter, RowLimits } from './row-limits.ts'
import { SaidSettings } from './said-settings.ts'
import type { Services, Settings } from './services.ts'
import { Names } from './session-names.ts'
import type { ClientFrame, Judge } from './step.ts'
import { Verdicts } from './verdicts.ts'

/** What a client may push ahead while its session waits; then its socket isn't read. */
const MAX_AHEAD = 64 * 1024
/** Settings by which MySQL servers read texts. */
const READ_BY = ['sql_mode', 'character_set_client']
/** A read this small is copied at once, so that its frames stay valid while they wait. */
const SMALL_READ = 16 * 1024

export interface SessionOptions {
  readonly services: Services
  readonly principal: Principal
  readonly client: Connection
  readonly upstream: Connection
  /** What the handshakes settled at either end. */
  readonly hello: Hello
  readonly welcome: UpstreamWelcome
  /** Ends a session of the same agent, or what it does; false where there is none of this id. */
  readonly kill: (connectionId: number, onlyQuery: boolean) => boolean
  /** What either end sent behind its handshake. */
  readonly heads: { readonly client: Buffer; readonly upstream: Buffer }
  /** Sends a cancel to the database; settles when the database has taken it. */
  readonly cancelUpstream: () => Promise<void>
  readonly onClosed: () => void
}

/** One client's life between its login and its last byte: two sockets, and the flow between them. */
export class Session {
  readonly id = newId()
  readonly #options: SessionOptions
  readonly #services: Services
  readonly #records: Records
  readonly #names: Names
  readonly #verdicts: Verdicts
  readonly #said: SaidSettings
  readonly #own: OwnAnswers
  readonly #replies: Replies
  readonly #dialogue: Dialogue<Exchange, AnyRequest>
  readonly #flow: Flow
  readonly #framer: MessageFramer
  readonly #inbox: Inbox
  readonly #diagnostics = new Diagnostics()
  readonly #rowLimits: RowLimits
  readonly #toServer: Outbox
  readonly #toClient: Outbox
  readonly #openedAt: number
  /** By the server's word; another map after each change. */
  #settings: Settings
  /** True while the frame being read lies in memory that stays. */
  #stable = false
  /** True while a batch is on its way and what follows it has to wait. */
  #busy = false
  #upstreamIsFull = false
  /** A result stands still at a row that may not leave yet. */
  #resultWaits = false
  #draining = false
  #closed = false
  #bytesIn = 0
  #bytesOut = 0
  #lastActive = 0
  /** The rest of their rows is never fetched. */
  #leaveCursors = () => {}
  #idleTimer: CancelTimer = () => {}
  #writeTimer: CancelTimer = () => {}

  /** Throws AUDIT_UNAVAILABLE where the session's beginning can't be recorded. */
  constructor(options: SessionOptions) {
    const { services } = options
    this.#options = options
    this.#said = new SaidSettings(options.principal)
    const { principal } = this.#said
    this.#services = services
    this.#openedAt = services.clock.monotonic()
    this.#records = new Records(services, principal, this.id)
    this.#records.opened()
    this.#settings = options.welcome.settings
    this.#inbox = new Inbox(services.protocol.pipelines)
    this.#names = new Names(
      () => services.schema.current.version,
      () => READ_BY.map((name) => this.#settings.get(name)).join(),
      () => this.#said.resetAll(),
    )
    this.#verdicts = new Verdicts({
      services,
      principal,
      names: this.#names,
      classifier: services.openClassifier(() => this.#settings),
      settings: () => this.#settings,
      diagnostics: this.#diagnostics,
    })
    this.#own = new OwnAnswers(services, this.#verdicts, this.#said)
    this.#rowLimits = new RowLimits(
      principal.agent.name,
      () => services.rowLimits(),
      services.usage,
    )
    this.#toServer = new Outbox((bytes) => this.#writeUpstream(bytes))
    this.#toClient = new Outbox((bytes) => this.#writeClient(bytes))
    const outboxes = { toServer: this.#toServer, toClient: this.#toClient }
    this.#replies = this.#openReplies()
    this.#dialogue = services.protocol.openDialogue({
      ...outboxes,
      hello: options.hello,
      welcome: options.welcome,
      maxMessage: services.limits.maxMessage,
      listener: this.#replies,
      scrub: services.scrub,
    })
    this.#flow = new Flow({
      ...outboxes,
      services,
      principal,
      sessionId: this.id,
      judge: this.#openJudge(),
      verdicts: this.#verdicts,
      records: this.#records,
      dialogue: this.#dialogue,
      diagnostics: this.#diagnostics,
      rowLimits: this.#rowLimits,
      settings: () => this.#settings,
    })
    this.#framer = this.#openFramer()
  }

  #openReplies(): Replies {
    const { cancelKey } = this.#options.welcome
    const notifications = new Notifications(this.#services, cancelKey.processId)
    return new Replies(this.#services, this.#records, notifications, this.#rowLimits, {
      ready: () => this.#becameReady(),
      drained: () => this.#flow.waiting.drained(),
      completed: (exchange, warnings) => this.#diagnostics.completed(exchange, warnings),
      readsBy: (name, value) => this.#verdicts.readsBy(name, value),
      setting: (name, value) => {
        if (this.#settings.get(name) === value) return
        this.#settings = new Map(this.#settings).set(name, value)
      },
      exceeded: (exchange, meter) => this.#resultExceeded(exchange, meter),
    })
  }

  #openJudge(): Judge {
    const services = this.#services
    const verdicts = this.#verdicts
    const own = this.#own
    if (services.protocol.pipelines) return new PortalJudge(services, this.#names, verdicts, own)
    const prepared = new PreparedCommands(
      services,
      () => this.#settings,
      (exchange) => this.#replies.abandoned(exchange),
    )
    this.#leaveCursors = () => prepared.clear()
    return new CommandJudge({
      services,
      verdicts,
      prepared,
      own,
      refusedSchema: (statement) =>
        services.schemas?.refusal(this.principal, statement, this.#settings) ?? null,
      findSchema: (name) => services.schemas?.find(this.principal, name),
      kill: (connectionId, onlyQuery) => this.#options.kill(connectionId, onlyQuery),
      over: (exchange) => this.#replies.abandoned(exchange),
      resetNames: () => {
        this.#said.resetAll()
        prepared.clear()
        this.#names.forgetAll()
      },
    })
  }

  #openFramer(): MessageFramer {
    const { protocol, limits } = this.#services
    const sink: FrameSink = {
      opens: (type) => (protocol.passes(type) && this.#mayStream() ? 'pass' : 'whole'),
      frame: (type, bytes) => this.#received(type, bytes),
      run: (bytes) => this.#stream(bytes),
    }
    const framer = protocol.openFramer?.(limits.maxMessage, sink)
    return framer ?? new Framer(protocol.layout, limits.maxMessage, sink)
  }

  get principal(): Principal {
    return this.#said.principal
  }

  /** The server's own id of its session. */
  get backend(): number {
    return this.#options.welcome.cancelKey.processId
  }

  /** Begins to read. */
  start(): void {
    const { client, upstream, heads } = this.#options
    upstream.listen(
      {
        bytes: (chunk) => this.#fromUpstream(chunk),
        drained: () => this.#upstreamDrained(),
        closed: (reason) => this.#upstreamClosed(reason),
      },
      heads.upstream,
    )
    client.listen(
      {
        bytes: (chunk) => this.#fromClient(chunk),
        drained: () => this.#clientDrained(),
        closed: (reason) => this.#close(reason),
      },
      heads.client,
    )
    upstream.resume()
    client.resume()
    this.#lastActive = this.#services.clock.monotonic()
    this.#watchIdling(this.#services.limits.idleMs)
  }

  // === from the client

  #fromClient(chunk: Buffer): void {
    if (this.#closed) return
    this.#bytesIn += chunk.length
    this.#guard(() => {
      this.#stable = chunk.length <= SMALL_READ
      this.#framer.push(this.#stable ? Buffer.from(chunk) : chunk)
      this.#pump()
    })
  }

  #received(type: number, view: Buffer): void {
    const bytes = this.#stable ? view : Buffer.from(view)
    const request = this.#dialogue.decode(type, bytes)
    // Nobody is left who could read the answer of what is held.
    if (request.kind === 'terminate' && this.#flow.waiting.holding)
      this.#close('the client said goodbye')
    else this.#inbox.push({ request, bytes })
  }

  /** COPY data may stream on only where nothing stands before it. */
  #mayStream(): boolean {
    return this.#inbox.empty && !this.#busy && this.#flow.discarding === 'no'
  }

  #stream(bytes: Buffer): void {
    const frame = { request: { kind: 'copy-data' as const }, bytes, exchange: null }
    this.#flow.forward(Permit.fromAllow(PROTOCOL, [frame]))
  }

  /** Takes batches in order until one has to wait; goes on when it has. */
  #pump(): void {
    while (!this.#busy && !this.#closed) {
      if (this.#flow.discarding !== 'no') {
        if (!this.#skipFrame()) break
        continue
      }
      const batch = this.#inbox.takeBatch()
      if (!batch) break
      this.#take(batch)
    }
    this.#toServer.flush()
    this.#toClient.flush()
    this.#records.catchUp()
    if (this.#inbox.bytes > MAX_AHEAD) this.#options.client.pause()
    else if (!this.#upstreamIsFull) this.#options.client.resume()
  }

  #take(batch: readonly ClientFrame[]): void {
    this.#lastActive = this.#services.clock.monotonic()
    if (batch.at(-1)?.request.kind === 'terminate') {
      this.#close('the client said goodbye')
      return
    }
    const rest = this.#flow.dispatch(batch)
    if (!(rest instanceof Promise)) {
      this.#inbox.putBack(rest)
      return
    }
    this.#busy = true
    rest.then(
      (frames) => {
        this.#busy = false
        this.#inbox.putBack(frames)
        this.#guard(() => this.#pump())
      },
      (error: unknown) => this.#fail(error),
    )
  }

  /** After an error everything up to Sync is ignored, a simple query too. */
  #skipFrame(): boolean {
    const frame = this.#inbox.takeFrame()
    if (!frame) return false
    if (frame.request.kind === 'terminate') this.#close('the client said goodbye')
    if (frame.request.kind !== 'sync') return true
    if (this.#flow.discarding === 'locally') this.#toClient.add(this.#dialogue.ready())
    else this.#flow.forward(Permit.fromAllow(PROTOCOL, [{ ...frame, exchange: null }]))
    this.#flow.discarding = 'no'
    return true
  }

  // === from the database

  #fromUpstream(chunk: Buffer): void {
    if (this.#closed) return
    this.#guard(() => {
      this.#dialogue.receive(chunk)
      this.#toClient.flush()
    })
  }

  /** Nothing that follows is judged, and nothing more is read, until a person has decided. */
  #resultExceeded(exchange: Exchange, meter: ResultMeter): void {
    this.#resultWaits = true
    this.#options.upstream.pause()
    const decided = this.#flow.waiting.holdResult(exchange, meter)
    this.#flow.waitFor(decided)
    decided.then(
      () => this.#guard(() => this.#resultGoesOn()),
      (error: unknown) => this.#guard(() => this.#endResult(exchange, error)),
    )
  }

  #resultGoesOn(): void {
    if (this.#closed) return
    this.#resultWaits = false
    this.#dialogue.goOn()
    this.#toClient.flush()
    if (!this.#resultWaits) this.#options.upstream.resume()
  }

  #endResult(exchange: Exchange, error: unknown): void {
    if (this.#closed) return
    if (!(error instanceof ProxyError) || !this.#dialogue.endResult(error)) {
      this.#fail(error)
      return
    }
    const open = this.#services.protocol.pipelines && this.#dialogue.segment !== 'closed'
    // The client skips to its Sync, as after any error; the server has to be made to.
    if (open) this.#flow.discarding = 'with-the-server'
    // What is going to be taken back is read to its end: a cancel could hit what takes it back.
    if (!exchange.counted) this.#flow.waitFor(this.#options.cancelUpstream())
    this.#resultGoesOn()
  }

  #upstreamClosed(reason: string): void {
    if (this.#dialogue.ended) {
      this.#close('the database ended the session')
      return
    }
    this.#end(
      new ProxyError('UPSTREAM_UNAVAILABLE', `the database closed the connection: ${reason}`),
    )
  }

  // === backpressure

  #writeUpstream(bytes: Buffer): void {
    if (this.#options.upstream.write(bytes)) return
    this.#upstreamIsFull = true
    this.#options.client.pause()
  }

  #upstreamDrained(): void {
    this.#upstreamIsFull = false
    if (this.#inbox.bytes <= MAX_AHEAD) this.#options.client.resume()
  }

  #writeClient(bytes: Buffer): void {
    this.#bytesOut += bytes.length
    if (this.#options.client.write(bytes)) return
    this.#options.upstream.pause()
    this.#writeTimer()
    const { clock, limits } = this.#services
    if (limits.writeMs === 0) return
    this.#writeTimer = clock.after(limits.writeMs, () =>
      this.#close('the client did not read its results'),
    )
  }

  #clientDrained(): void {
    this.#writeTimer()
    if (!this.#resultWaits) this.#options.upstream.resume()
  }

  // === cancelling and ending

  /** A CancelRequest came with this session's key. */
  cancel(address: string): void {
    this.#records.cancelRequested(address)
    if (this.#flow.waiting.holding) this.#flow.waiting.interrupt('cancelled')
    else if (!this.#dialogue.idle) this.#flow.waitFor(this.#options.cancelUpstream())
  }

  /** Ends the session as soon as nothing is in flight; a held statement is withdrawn. */
  drain(): void {
    this.#draining = true
    if (this.#busy || this.#flow.waiting.holding) this.#flow.waiting.interrupt('shutdown')
    else this.#endIfDrained()
  }

  #becameReady(): void {
    const over = this.#dialogue.transaction === 'idle' && this.#dialogue.idle
    // What is judged and waits to be sent may have made portals already.
    if (over && !this.#busy) this.#names.transactionIsOver()
    if (over && this.#names.schemaInMotion && !this.#services.policy().transparent) {
      // What other sessions see of the schema may be new; what this one sees certainly is.
      this.#names.schemaInMotion = false
      this.#flow.waitFor(this.#services.schema.refresh())
    }
    if (this.#draining) this.#endIfDrained()
  }

  #endIfDrained(): void {
    const quiet = !this.#busy && this.#inbox.empty && this.#dialogue.idle
    if (!quiet || this.#dialogue.transaction !== 'idle') return
    this.#end(new ProxyError('SHUTDOWN', 'terminating connection: countersign is shutting down'))
  }

  /** Ends the session now, in the middle of whatever it does, which the database is to end too. */
  kill(error: ProxyError): void {
    const runs = !this.#closed && !this.#dialogue.idle
    this.#end(error)
    if (runs) void this.#options.cancelUpstream()
  }

  /** Tells the client why, then closes. */
  #end(error: ProxyError): void {
    if (this.#closed) return
    this.#toClient.discard()
    // Within a row an error would be read as its rest.
    if (!this.#dialogue.midMessage) this.#toClient.add(this.#dialogue.refusal(error))
    this.#toClient.flush()
    this.#close(error.message)
  }

  #fail(error: unknown): void {
    const known = error instanceof ProxyError ? error : null
    this.#end(known ?? new ProxyError('INTERNAL', `internal error: ${messageOf(error)}`))
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#flow.waiting.interrupt('disconnected')
    // Of what is still under way nobody knows how it ends.
    if (this.#dialogue.idle) this.#leaveCursors()
    this.#idleTimer()
    this.#writeTimer()
    this.#options.client.end()
    const { goodbye } = this.#services.protocol
    this.#options.upstream.end(this.#framer.midPass ? undefined : goodbye)
    this.#records.closed(reason, {
      statements: this.#verdicts.count,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      ms: Math.round(this.#services.clock.monotonic() - this.#openedAt),
    })
    this.#options.onClosed()
  }

  /** One timer, set again when it fires too early: to set it for each statement would cost more. */
  #watchIdling(ms: number): void {
    const { clock, limits } = this.#services
    if (limits.idleMs === 0) return
    this.#idleTimer = clock.after(ms, () => {
      const left = this.#lastActive + limits.idleMs - clock.monotonic()
      if (this.#busy || !this.#dialogue.idle) this.#watchIdling(limits.idleMs)
      else if (left > 0) this.#watchIdling(left)
      else {
        const why = 'terminating connection due to idle-session timeout'
        this.#end(new ProxyError('IDLE_TIMEOUT', why))
      }
    })
  }
}
