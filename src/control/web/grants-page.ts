import { type Grant, isLiveGrant } from '../../approval/grant.ts'
import { type Html, html } from './html.ts'
import { countdown, moment } from './moments.ts'
import { livePart } from './page-frame.ts'
import { addressOf, named } from './request-words.ts'

export interface GrantsContent {
  /** Newest first. */
  readonly grants: readonly Grant[]
  /** Whether the reader may end one; the desk asks again. */
  readonly mayRevoke: (grant: Grant) => boolean
  readonly formToken: string
  readonly now: number
}

/** Grants that are over and shown all the same. */
const SHOWN = 50

/** What is approved for a time, and how to end it. */
export function grantsPage(content: GrantsContent): Html {
  const { grants, now } = content
  const live = grants.filter((grant) => isLiveGrant(grant, now))
  const over = grants.filter((grant) => !isLiveGrant(grant, now)).slice(0, SHOWN)
  const list = (all: readonly Grant[]) => html`<ul>${all.map((grant) => item(grant, content))}</ul>`
  const section = (id: string, title: string, all: readonly Grant[], none: string) =>
    html`<section class="grants-${id}" aria-labelledby="${id}-title"><h2 id="${id}-title">${title}</h2>${
      all.length === 0 ? html`<p class="empty">${none}</p>` : list(all)
    }</section>`
  return html`<h1>Approved for a time</h1>
${livePart(
  'grants',
  html`${section('live', 'In force', live, 'No shape is approved for a time now.')}
${over.length > 0 && section('over', 'Over', over, '')}`,
)}`
}

function item(grant: Grant, { mayRevoke, formToken, now }: GrantsContent): Html {
  const { id, agent, database, verb, tables, classes, maxRows, uses, expiresAt } = grant
  const isLive = isLiveGrant(grant, now)
  const names = [...new Set(tables.map(({ name }) => name))]
  return html`<li class="panel grant between"><div class="what"><h3><a href="${addressOf(grant.request)}">${named(verb)}${
    names.length > 0 && html` on ${names.map((name, at) => html`${at > 0 && ', '}${named(name)}`)}`
  }</a></h3>
<p class="fine">${named(agent)} on ${named(database)}, at most ${maxRows.toLocaleString('en')} rows each, used ${uses} ${uses === 1 ? 'time' : 'times'}</p>
<p class="fine">approved by ${[...new Set(grant.votes.map(({ person }) => person))].map(
    (person, at) => html`${at > 0 && ', '}${named(person)}`,
  )} ${moment(grant.createdAt)}${classes.map((one) => html` <span class="badge class">${named(one)}</span>`)}</p>
<p>${ended(grant, isLive) ?? html`${countdown(expiresAt, now)} <span class="fine">left</span>`}</p></div>
${
  isLive &&
  mayRevoke(grant) &&
  html`<form method="post" action="/inbox/grants/${id}/revoke" aria-label="Revoke what ${agent} may do"><input type="hidden" name="form" value="${formToken}"><button class="deny">Revoke</button></form>`
}</li>`
}

function ended({ revoked, expiresAt }: Grant, isLive: boolean): Html | null {
  if (isLive) return null
  if (revoked) return html`revoked by ${named(revoked.by)} ${moment(revoked.at)}`
  return html`its time was over ${moment(expiresAt)}`
}
