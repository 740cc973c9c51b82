import type { Principal } from '../identity/principal.ts'
import { ProxyError } from '../lib/errors.ts'
import type { Connection } from '../net/connection.ts'
import type { Dialogue } from '../wire/dialogue.ts'
import type { Hello, UpstreamWelcome } from '../wire/handshake.ts'
import type { AnyRequest } from '../wire/requests.ts'
import { Diagnostics } from './diagnostics.ts'
import { Ends } from './ends.ts'
import type { Exchange } from './exchange.ts'
import { Flow } from './flow.ts'
import { Forwarder } from './forwarder.ts'
import { IdleWatch } from './idle-watch.ts'
import { Intake } from './intake.ts'
import { LimitedResults } from './limited-results.ts'
import { Notifications } from './notifications.ts'
import { openJudge } from './open-judge.ts'
import { OwnAnswers } from './own-answers.ts'
import { Records } from './records.ts'
import { Replies } from './replies.ts'
import { RowLimits } from './row-limits.ts'
import { SaidSettings } from './said-settings.ts'
import { ServerSettings } from './server-settings.ts'
import type { Services } from './services.ts'
import type { SessionLife } from './session-life.ts'
import { Names } from './session-names.ts'
import { Skipping } from './skipping.ts'
import type { Judge } from './step.ts'
import { StoppedResults } from './stopped-results.ts'
import { Verdicts } from './verdicts.ts'
import { Waiting } from './waiting.ts'

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

/** What a session consists of. */
export interface SessionParts {
  /** Who asks, with what they say of themselves now. */
  readonly principal: Principal
  readonly records: Records
  readonly names: Names
  readonly verdicts: Verdicts
  readonly judge: Judge
  readonly ends: Ends
  readonly dialogue: Dialogue<Exchange, AnyRequest>
  readonly waiting: Waiting
  readonly flow: Flow
  readonly intake: Intake
  readonly idle: IdleWatch
}

/**
 * The plan of a session: what comes in goes through intake, judge, flow and forwarder to the
 * dialogue, and what comes back through dialogue and replies.
 * Throws AUDIT_UNAVAILABLE where its beginning can't be recorded.
 */
export function openParts(options: SessionOptions, id: string, life: SessionLife): SessionParts {
  const { services, hello, welcome, client, upstream, cancelUpstream, kill } = options
  const { clock, limits, protocol } = services
  const said = new SaidSettings(options.principal)
  const { principal } = said
  const records = new Records(services, principal, id)
  records.opened()

  const server = new ServerSettings(welcome.settings)
  const settings = () => server.now
  const diagnostics = new Diagnostics()
  const names = new Names(
    () => services.schema.current.version,
    () => server.readBy,
    () => said.resetAll(),
  )
  const classifier = services.openClassifier(settings)
  const known = { services, principal, names, settings, diagnostics }
  const verdicts = new Verdicts({ ...known, classifier })
  const { agent } = principal
  const rowLimits = new RowLimits(agent.name, () => services.rowLimits(), services.usage)

  const ends = new Ends({ client, upstream, clock, writeMs: limits.writeMs })
  const { toServer, toClient } = ends
  const notifications = new Notifications(services, welcome.cancelKey.processId)
  const replies = new Replies(services, records, notifications, rowLimits, {
    ready: () => life.becameReady(),
    drained: () => waiting.drained(),
    completed: (exchange, warnings) => diagnostics.completed(exchange, warnings),
    readsBy: (name, value) => verdicts.readsBy(name, value),
    setting: (name, value) => server.said(name, value),
    exceeded: (exchange, meter) => stopped.exceeded(exchange, meter),
  })
  const { maxMessage } = limits
  const { scrub } = services
  const wire = { toServer, toClient, hello, welcome, maxMessage, scrub }
  const dialogue = protocol.openDialogue({ ...wire, listener: replies })

  const over = (exchange: Exchange) => replies.abandoned(exchange)
  const own = new OwnAnswers(services, verdicts, said)
  const judge = openJudge({ services, names, verdicts, own, said, settings, kill, over })
  const asked = { ...known, verdicts, records, rowLimits, dialogue, toServer, toClient }
  const waiting = new Waiting({ ...asked, sessionId: id })
  const limited = new LimitedResults({ ...asked, waiting })
  const forwarder = new Forwarder({ ...asked, waiting })
  const skipping = new Skipping()
  const way = { ...asked, sessionId: id, judge, waiting, limited, forwarder, skipping }
  const flow = new Flow(way)

  const idle = new IdleWatch({
    clock,
    idleMs: limits.idleMs,
    working: () => intake.busy || !dialogue.idle,
    idled: () =>
      life.fail(
        new ProxyError('IDLE_TIMEOUT', 'terminating connection due to idle-session timeout'),
      ),
  })
  const stopped = new StoppedResults({ ...way, flow, life, ends, cancelUpstream })
  const intake = new Intake({ ...way, flow, life, ends, idle })
  return { principal, records, names, verdicts, judge, ends, dialogue, waiting, flow, intake, idle }
}
