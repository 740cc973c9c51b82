import { type ApprovalRequest, REQUEST_STATES } from '../../approval/request.ts'
import { type HistoryQuery, historyAddress, isEverything } from './history-query.ts'
import { type Html, html } from './html.ts'
import { pastItem } from './inbox-page.ts'
import { livePart } from './page-frame.ts'

export interface HistoryContent {
  readonly query: HistoryQuery
  /** Agents that are known, to choose from. */
  readonly agents: readonly string[]
  /** Newest first. */
  readonly found: readonly ApprovalRequest[]
  /** The cursor of what is older; null where nothing is. */
  readonly older: string | null
  readonly isOlder: boolean
}

/** Every request, and what to look for among them. */
export function historyPage({ query, agents, found, older, isOlder }: HistoryContent): Html {
  return html`<h1 id="history-title">All requests</h1>
${searchForm(query, agents)}
${livePart(
  'found',
  html`<section class="found" aria-labelledby="found-title"><h2 id="found-title">${isEverything(query) ? 'Newest first' : 'Found'}</h2>
${isOlder && html`<p><a href="${historyAddress(query)}">Newest</a></p>`}
${
  found.length === 0
    ? html`<p class="empty">Nothing ${isEverything(query) ? 'was asked for yet' : 'fits'}.</p>`
    : html`<ol class="past">${found.map(pastItem)}</ol>`
}
${older !== null && html`<p class="older"><a rel="next" href="${historyAddress(query, older)}">Older requests</a></p>`}</section>`,
)}`
}

function searchForm(query: HistoryQuery, agents: readonly string[]): Html {
  const { state, text, agent, person, since, until } = query
  return html`<form class="search" method="get" action="/inbox/history" role="search" aria-label="Look for requests">
<label class="wide">Text or table <input type="search" name="q" value="${text}" maxlength="200" autocomplete="off"></label>
<label>Agent <input type="search" name="agent" value="${agent}" maxlength="200" list="agents" autocomplete="off"></label>
<datalist id="agents">${agents.map((name) => html`<option value="${name}"></option>`)}</datalist>
<label>Person <input type="search" name="person" value="${person}" maxlength="200" autocomplete="off"></label>
<label>State <select name="state"><option value="">any</option>${REQUEST_STATES.map(
    (one) => html`<option${one === state && html` selected`}>${one}</option>`,
  )}</select></label>
<label>From <input type="date" name="since" value="${since}"></label>
<label>To <input type="date" name="until" value="${until}"></label>
<div class="buttons"><span class="fine">Days are in UTC.</span> <a href="/inbox/history">Everything</a> <button>Search</button></div>
</form>`
}
