import { statusOf } from '../../approval/channels/rendering.ts'
import type { ApprovalRequest } from '../../approval/request.ts'
import { historyAddress } from './history-query.ts'
import { type Html, html } from './html.ts'
import { countdown, moment } from './moments.ts'
import { livePart } from './page-frame.ts'
import { addressOf, named, stateBadge, titleOf } from './request-words.ts'

/** One agent of the reader's. */
export interface OwnAgent {
  readonly name: string
  /** Waiting, or approved and not used yet: what an owner may take back. */
  readonly open: readonly ApprovalRequest[]
  /** What became of the last ones, newest first. */
  readonly past: readonly ApprovalRequest[]
}

/** How many requests of one agent wait, and since when. */
export interface Waiting {
  readonly agent: string
  readonly count: number
  /** ISO 8601, UTC. */
  readonly oldest: string
}

export interface AgentsContent {
  readonly waiting: readonly Waiting[]
  readonly own: readonly OwnAgent[]
  readonly formToken: string
  readonly now: number
}

/** Who waits; and to owners what their agents ask for, to take back and never to sign. */
export function agentsPage(content: AgentsContent): Html {
  return html`<h1>Agents</h1>
${livePart('who-waits', whoWaits(content))}
${livePart('own-agents', ownAgents(content))}`
}

function whoWaits({ waiting }: AgentsContent): Html {
  const heading = html`<h2 id="waits-title">Who is waiting</h2>`
  if (waiting.length === 0) {
    return html`<section class="panel waits" aria-labelledby="waits-title">${heading}<p>No agent waits.</p></section>`
  }
  return html`<section class="panel waits" aria-labelledby="waits-title">${heading}
<div class="scroll"><table><thead><tr><th scope="col">Agent</th><th scope="col">Requests</th><th scope="col">The oldest from</th></tr></thead><tbody>${waiting.map(
    ({ agent, count, oldest }) =>
      html`<tr><th scope="row"><a href="${addressFor(agent)}">${named(agent)}</a></th><td>${count}</td><td>${moment(oldest)}</td></tr>`,
  )}</tbody></table></div></section>`
}

function ownAgents(content: AgentsContent): Html {
  const { own } = content
  return html`<section class="agents-own" aria-labelledby="own-title"><h2 id="own-title">My agents</h2>
<p class="fine">You answer for these: you may take their requests back, and somebody else signs them.</p>
${
  own.length === 0
    ? html`<p class="empty">You own no agent.</p>`
    : own.map((agent, at) => ownAgent(agent, at, content))
}</section>`
}

function ownAgent({ name, open, past }: OwnAgent, at: number, content: AgentsContent): Html {
  return html`<article class="panel own" aria-labelledby="agent-${at}"><h3 id="agent-${at}">${named(name)}</h3>
${
  open.length === 0
    ? html`<p class="fine">Nothing of it waits.</p>`
    : html`<ul>${open.map((request) => openItem(request, content))}</ul>`
}
${past.length > 0 && html`<ul>${past.map(pastItem)}</ul>`}
<p class="fine"><a href="${addressFor(name)}">All that ${named(name)} has asked for</a></p></article>`
}

function openItem(request: ApprovalRequest, { formToken, now }: AgentsContent): Html {
  const { id, statementSha256, updatedAt, expiresAt } = request
  return html`<li class="between"><div class="what"><a href="${addressOf(id)}">${titleOf(request)}</a> ${stateBadge(request)}
<span class="fine">${countdown(expiresAt, now)} left</span></div>
<form method="post" action="${addressOf(id)}/decision" aria-label="Withdraw ${titleOf(request)}"><input type="hidden" name="form" value="${formToken}">
<input type="hidden" name="statement_sha256" value="${statementSha256}"><input type="hidden" name="idempotency_key" value="withdraw-${updatedAt}">
<button name="decision" value="withdraw">Withdraw</button></form></li>`
}

function pastItem(request: ApprovalRequest): Html {
  return html`<li class="fine">${stateBadge(request)} <a href="${addressOf(request.id)}">${titleOf(request)}</a> ${statusOf(request)} ${moment(request.updatedAt)}</li>`
}

function addressFor(agent: string): string {
  return historyAddress({ state: null, text: '', agent, person: '', since: '', until: '' })
}
