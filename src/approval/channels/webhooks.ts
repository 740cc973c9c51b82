import { Webhook } from 'standardwebhooks'
import { approversOf, type DeskEvent } from '../desk-events.ts'
import type { Grant } from '../grant.ts'
import type { GrantEvent } from '../grants.ts'
import type { ApprovalRequest } from '../request.ts'
import { Outbox, type OutboxCounts, type OutboxOptions } from './outbox.ts'
import { webhookKey } from './webhook-key.ts'

/** An address of the operator's choice: what it may reach is theirs to say. */
export interface WebhookEndpoint {
  readonly url: string
  /** `whsec_` and base64, as Standard Webhooks writes it; of any other text its bytes. */
  readonly secret: string
}

/** What happened -> the name of its event; null for what concerns nobody outside. */
const NAMES: Readonly<Record<DeskEvent['type'], string | null>> = {
  requested: 'approval.requested',
  voted: 'approval.voted',
  resolved: 'approval.resolved',
  settled: 'approval.settled',
  reminder: 'approval.reminder',
  escalated: 'approval.escalated',
  'break-glass': 'approval.break_glass',
  ticket: null,
  spent: null,
}

export interface WebhooksOptions extends Omit<OutboxOptions, 'url' | 'name' | 'sign'> {
  readonly endpoints: readonly WebhookEndpoint[]
  readonly newId: () => string
  readonly urlOf: (id: string) => string
}

/**
 * Tells other systems what happens, by Standard Webhooks (github.com/standard-webhooks): signed,
 * and never with a statement's text, its values, or what people and agents have written.
 */
export class Webhooks {
  readonly #options: WebhooksOptions
  readonly #outboxes: readonly Outbox[]

  constructor(options: WebhooksOptions) {
    this.#options = options
    this.#outboxes = options.endpoints.map(({ url, secret }, at) => {
      const webhook = new Webhook(webhookKey(secret) ?? Buffer.from(secret), { format: 'raw' })
      const sign = (id: string, time: Date, body: string) => ({
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(time.getTime() / 1000)),
        'webhook-signature': webhook.sign(id, time, body),
      })
      return new Outbox({ ...options, url, name: `webhook ${at + 1}`, sign })
    })
  }

  /** Counts and queue of each endpoint, in the order of the configuration. */
  get endpoints(): readonly { readonly counts: OutboxCounts; readonly queued: number }[] {
    return this.#outboxes
  }

  tell(event: DeskEvent): void {
    const name = NAMES[event.type]
    // Who waits already is no news, and whoever joins can do so without end.
    if (name === null || (event.type === 'requested' && event.how === 'joined')) return
    const how = event.type === 'requested' ? { how: event.how } : {}
    const alert = event.type === 'break-glass'
    this.#send(name, { ...this.#request(event.request), ...how }, alert)
  }

  tellGrant({ type, grant }: GrantEvent): void {
    this.#send(`grant.${type}`, grantData(grant, this.#options.urlOf(grant.request)))
  }

  stop(): void {
    for (const outbox of this.#outboxes) outbox.stop()
  }

  #send(type: string, data: Readonly<Record<string, unknown>>, alert = false): void {
    const { clock, newId } = this.#options
    const id = `msg_${newId()}`
    const timestamp = new Date(clock.now()).toISOString()
    for (const outbox of this.#outboxes) outbox.add(id, { type, timestamp, data }, { alert })
  }

  #request(request: ApprovalRequest): Readonly<Record<string, unknown>> {
    const { id, state, verb, agent, database, environment, classes, outcome } = request
    return {
      ...{ id, state, kind: request.action ? 'action' : 'statement', verb, agent },
      ...(request.action ? { resource: request.action.resource } : { database, environment }),
      tables: [...new Set(request.tables.map(({ name }) => name))],
      classes,
      effects: [...new Set(request.effects.map(({ effect }) => effect))],
      by: approversOf(request),
      outcome: outcome && { rows: outcome.rows, ms: outcome.ms, sql_state: outcome.sqlState },
      url: this.#options.urlOf(id),
      expires_at: request.expiresAt,
    }
  }
}

function grantData(grant: Grant, url: string): Readonly<Record<string, unknown>> {
  const { id, agent, database, verb, classes, maxRows, expiresAt, revoked } = grant
  return {
    ...{ id, agent, database, verb, classes },
    tables: [...new Set(grant.tables.map(({ name }) => name))],
    max_rows: maxRows,
    expires_at: expiresAt,
    by: [...new Set(grant.votes.map(({ person }) => person))],
    revoked_by: revoked?.by ?? null,
    ...{ request: grant.request, url },
  }
}
