import { visibleLine } from '../../approval/channels/visible.ts'
import { type Regulations, regulationOf } from '../../approval/regulations.ts'
import type { ApprovalRequest, Impact, Vote } from '../../approval/request.ts'
import type { Directory } from '../../identity/directory.ts'
import type { Escalation } from '../../policy/decision.ts'
import { type Html, html, type Insert } from './html.ts'
import { markedText } from './marked-text.ts'
import { moment } from './moments.ts'
import { named } from './request-words.ts'
import { plural } from './statement-panel.ts'

/** Who asks, in whose name, on what, and who has to sign: what stands beside a statement. */
export function requestFacts(
  request: ApprovalRequest,
  directory: Directory,
  regulations: Regulations,
): Html {
  return html`<section class="panel facts" aria-labelledby="facts-title"><h2 id="facts-title">Who and what</h2><dl>
${fact('Agent', named(request.agent))}
${fact('Owner', list(request.owners))}
${request.onBehalfOf !== null && fact('On behalf of', html`${named(request.onBehalfOf)} ${claimed()}`)}
${!!request.claim && fact('Purpose', html`<q>${named(request.claim)}</q> ${claimed()}`)}
${request.applicationName !== '' && fact('Application', html`${named(request.applicationName)} ${claimed()}`)}
${request.action ? fact('Resource', named(request.action.resource)) : ofStatement(request, regulations)}
${fact('Seen before', history(request))}
${fact(
  'Needs',
  request.requirements.map((each) => requirement(each, request, directory)),
)}
${request.votes.length > 0 && fact('Answers', request.votes.map(answer))}
${fact('Asked', moment(request.createdAt))}
${request.state === 'pending' && fact('Until', moment(request.expiresAt))}
${fact('Request', html`<code>${request.id}</code>`)}
</dl></section>`
}

function ofStatement(request: ApprovalRequest, regulations: Regulations): Html {
  return html`${fact('Tables', tables(request))}
${classes(request, regulations)}
${shownInClear(request)}
${request.impact !== undefined && fact('Changes', impact(request.impact))}
${request.impact?.rows == null && fact('Estimate', estimate(request.estimatedRows))}
${fact('Transaction', request.inTransaction ? html`<strong>open</strong>: its locks are held while this waits` : 'none open')}`
}

function fact(label: string, value: Insert): Html {
  return html`<div><dt>${label}</dt><dd>${value}</dd></div>`
}

/** What the agent says of itself is never shown as a fact. */
function claimed(): Html {
  return html`<span class="claim">agent’s claim</span>`
}

function list(names: readonly string[]): Html {
  return names.length === 0
    ? html`<span class="fine">nobody</span>`
    : html`${names.map((name, at) => html`${at > 0 && ', '}${named(name)}`)}`
}

function tables({ tables: all }: ApprovalRequest): Html {
  if (all.length === 0) return html`<span class="fine">none</span>`
  return html`<ul class="plain">${all.map(
    ({ name, access, classes }) =>
      html`<li><span class="table">${named(name)}</span> <span class="fine">${access}</span>${classes.map((each) => html` <span class="badge class">${named(each)}</span>`)}</li>`,
  )}</ul>`
}

/** Classes beyond those of the tables, or that a regulation is about. */
function classes(request: ApprovalRequest, regulations: Regulations): Html | null {
  const onTables = request.tables.flatMap((table) => table.classes)
  const told = request.classes.filter(
    (one) => !onTables.includes(one) || regulationOf(one, regulations) !== null,
  )
  if (told.length === 0) return null
  const entries = told.map((one) => {
    const regulation = regulationOf(one, regulations)
    return html`<li><span class="badge class">${named(one)}</span>${regulation !== null && html` <span class="fine">${named(regulation)}</span>`}</li>`
  })
  return fact('Classes', html`<ul class="plain">${entries}</ul>`)
}

/** What leaves unmasked is said by itself: it is more than that the statement runs. */
function shownInClear({ asksClear, cleared }: ApprovalRequest): Html | null {
  const shown = [...new Set([...asksClear, ...cleared])]
  if (shown.length === 0) return null
  return fact('Unmasks', html`<strong>${list(shown)}</strong> <span class="fine">this once</span>`)
}

function estimate(rows: number | null): Html {
  if (rows === null) return html`<span class="fine">none could be had</span>`
  return html`about ${plural(rows, 'row')} <span class="fine">the planner's guess; it errs low</span>`
}

function impact({ rows, columns, sample }: Impact): Html {
  if (rows === null) {
    return html`<span class="fine">no count: its rows could not be counted in time, or safely</span>`
  }
  const shown =
    sample.length > 0 &&
    html`<div class="scroll"><table class="sample"><caption class="fine">${sample.length === rows ? 'These' : `${sample.length} of them`}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col">${named(column)}</th>`)}</tr></thead>
<tbody>${sample.map((row) => html`<tr>${row.map(cell)}</tr>`)}</tbody></table></div>`
  return html`<strong>${plural(rows, 'row')}</strong> <span class="fine">counted now; if it were more, it would be taken back</span>${shown}`
}

function cell(value: string | null): Html {
  return value === null
    ? html`<td class="fine">NULL</td>`
    : html`<td><bdi>${markedText(value)}</bdi></td>`
}

function history({ history: { approved, lastBy } }: ApprovalRequest): Html {
  if (approved === 0) return html`never: this shape is new from this agent`
  const times = approved === 1 ? 'once' : `${approved.toLocaleString('en')} times`
  return html`approved ${times}${lastBy !== null && html`, last by ${named(lastBy)}`}`
}

function requirement(
  { rule, by: first, count, escalate, stepUpMs }: ApprovalRequest['requirements'][number],
  { votes, escalated }: ApprovalRequest,
  directory: Directory,
): Html {
  const second = escalate && escalated.includes(rule) ? escalate.to : []
  const by = [...first, ...second]
  const signed = new Set(
    votes
      .filter((vote) => vote.decision === 'approve')
      .map((vote) => directory.person(vote.person))
      .filter((person) => person?.groups.some((group) => by.includes(group)))
      .map((person) => person?.email),
  ).size
  const people = count === 1 ? '1 person' : `${count} people`
  return html`<div>${people} of ${by.map((group, at) => html`${at > 0 && ' or '}${named(group)}`)} <span class="fine">${signed} of ${count} signed; rule ${named(rule)}${laterText(escalate, second.length > 0)}${stepUpMs !== undefined && `; signed in at most ${stepUpMs / 60_000} min before`}</span></div>`
}

/** Who else may sign from when on. */
function laterText(escalate: Escalation | undefined, isTime: boolean): string {
  if (!escalate || isTime) return ''
  return `; after ${escalate.afterMs / 60_000} min of ${visibleLine(escalate.to.join(' or '))} too`
}

function answer({ person, decision, reason, channel, clears, breakGlass, at }: Vote): Html {
  const what = decision === 'approve' ? 'approved' : 'denied'
  return html`<div>${named(person)} ${what}${breakGlass !== undefined && html` <strong>alone, by break-glass</strong>, ticket ${named(breakGlass.ticket)}`}${clears.length > 0 && html`, unmasking ${list(clears)}`}${reason !== '' && html`: <q><bdi>${markedText(reason)}</bdi></q>`} <span class="fine">${moment(at)}, ${channel}</span></div>`
}
