import { reasonWithPlace } from '../../sql/effect-place.ts'
import { approversOf } from '../desk-events.ts'
import { type Regulations, regulationOf } from '../regulations.ts'
import type { ApprovalRequest, Outcome, WithdrawCause } from '../request.ts'
import { lookAlikes } from './look-alikes.ts'
import { visibleLine, visibleStatement } from './visible.ts'

export interface CardField {
  readonly label: string
  readonly value: string
  /** True for what the agent says of itself; a channel has to mark it. */
  readonly claimed: boolean
  /** `first`: who asks for what, where. `asked`: what else they say. `more`: what else is known. */
  readonly part: 'first' | 'asked' | 'more'
}

export interface CardClass {
  readonly name: string
  /** What regulation it falls under, or null. */
  readonly regulation: string | null
}

export interface CardTable {
  readonly name: string
  readonly access: 'read' | 'write'
  readonly classes: readonly string[]
}

/**
 * A request as a person reads it, the same in every channel. Every text in it shows all of its
 * characters; none of them is markup, and a channel must not read any as such.
 */
export interface Card {
  /** One line: what, where. */
  readonly title: string
  /** One line: where the request stands. */
  readonly status: string
  readonly fields: readonly CardField[]
  readonly classes: readonly CardClass[]
  readonly tables: readonly CardTable[]
  /** One entry an effect: "ddl: it changes a table". */
  readonly reasons: readonly string[]
  /** One entry a character that may look like another: "а is U+0430, in nаme". */
  readonly lookAlikes: readonly string[]
  readonly statement: string
  /** One line a parameter: "$1 text = 'x'". */
  readonly parameters: readonly string[]
  /** Length and hash, so that two people can tell that they read the same. */
  readonly footer: string
}

export function renderRequest(request: ApprovalRequest, regulations: Regulations = {}): Card {
  const lines = request.statement.split('\n').length
  const size = `${request.statement.length} characters, ${lines} line${lines === 1 ? '' : 's'}`
  return {
    title: titleOf(request),
    status: statusOf(request),
    fields: fieldsOf(request, regulations),
    classes: request.classes.map((one) => ({
      name: visibleLine(one),
      regulation: regulationOf(one, regulations),
    })),
    tables: request.tables.map(({ name, access, classes }) => ({
      ...{ name: visibleLine(name), access },
      classes: classes.map(visibleLine),
    })),
    reasons: request.effects.map((each) => visibleLine(`${each.effect}: ${reasonWithPlace(each)}`)),
    lookAlikes: lookAlikes(textsOf(request)).map(visibleLine),
    statement: visibleStatement(request.statement),
    parameters: request.parameters.map(
      ({ type, value }, at) =>
        `$${at + 1}${type === null ? '' : ` ${visibleLine(type)}`} = ${quoted(value)}`,
    ),
    footer: `request ${request.id}, ${size}, sha256 ${request.statementSha256}`,
  }
}

/** All that somebody else has written into a request. */
function textsOf(request: ApprovalRequest): readonly string[] {
  const { verb, statement, parameters, tables, claim, applicationName, onBehalfOf } = request
  const values = parameters.map(({ value }) => value ?? '')
  const names = tables.map(({ name }) => name)
  return [verb, statement, ...values, ...names, claim ?? '', applicationName, onBehalfOf ?? '']
}

/** The same request without what its agent says came of it. */
export function withoutDetail(request: ApprovalRequest): ApprovalRequest {
  if (!request.outcome) return request
  const { detail: _, ...outcome } = request.outcome
  return { ...request, outcome }
}

/** Where a request stands, who answered, why, and what came of it. One line. */
export function statusOf(request: ApprovalRequest): string {
  switch (request.state) {
    case 'pending':
      return pendingStatus(request)
    case 'approved':
      return `approved by ${approvers(request)}${request.spentAt === null ? ', not used yet' : underWay(request)}`
    case 'denied':
      return deniedStatus(request)
    case 'expired':
      return 'expired: nobody answered in time, or the approval was not used in time'
    case 'withdrawn':
      return `withdrawn: ${withdrawnText(request)}`
    case 'executed':
      return `approved by ${approvers(request)}; executed${outcomeText(request.outcome)}`
    case 'failed':
      return `approved by ${approvers(request)}; failed${outcomeText(request.outcome)}`
  }
}

const WITHDRAWN: Record<WithdrawCause, string> = {
  cancelled: 'the client cancelled the statement',
  disconnected: 'the client has gone',
  shutdown: 'the proxy was stopped',
  changed: 'what the statement refers to has changed, so it has to be asked for anew',
  owner: 'an owner of the agent took it back',
}

/** Where an action is meant these are said in other words. */
const ACTION_WITHDRAWN: Partial<Record<WithdrawCause, string>> = {
  cancelled: 'its agent took it back',
  changed: 'the rules have changed, so it has to be asked for anew',
}

function withdrawnText({ action, withdrawnCause }: ApprovalRequest): string {
  const cause = withdrawnCause ?? 'disconnected'
  return (action && ACTION_WITHDRAWN[cause]) ?? WITHDRAWN[cause]
}

function underWay({ action }: ApprovalRequest): string {
  return action ? ', and its agent was told so' : ', running'
}

function pendingStatus(request: ApprovalRequest): string {
  const signed = approversOf(request)
  if (signed.length === 0) return 'waits for approval'
  return `waits for more approvals; so far ${signed.map(visibleLine).join(', ')}`
}

function deniedStatus(request: ApprovalRequest): string {
  const no = request.votes.findLast((vote) => vote.decision === 'deny')
  const reason = no?.reason ? `: ${visibleLine(no.reason)}` : ''
  return `denied by ${visibleLine(no?.person ?? 'somebody')}${reason}`
}

function approvers(request: ApprovalRequest): string {
  const reasons = request.votes.filter((vote) => vote.decision === 'approve' && vote.reason !== '')
  const why = reasons.map((vote) => ` (${visibleLine(vote.reason)})`).join('')
  return approversOf(request).map(visibleLine).join(', ') + aloneText(request) + why
}

function aloneText({ votes }: ApprovalRequest): string {
  const ticket = votes.findLast((vote) => vote.breakGlass)?.breakGlass?.ticket
  return ticket === undefined ? '' : ` ALONE, BY BREAK-GLASS, ticket ${visibleLine(ticket)}`
}

function outcomeText(outcome: Outcome | null): string {
  if (!outcome) return ''
  const { rows: count } = outcome
  const rows = count === null ? '' : `, ${count} row${count === 1 ? '' : 's'}`
  const state = outcome.sqlState === null ? '' : `, SQLSTATE ${visibleLine(outcome.sqlState)}`
  const said = outcome.detail ? `; the agent says: ${visibleLine(outcome.detail)}` : ''
  return `${rows}, ${Math.round(outcome.ms)} ms${state}${said}`
}

function titleOf(request: ApprovalRequest): string {
  if (request.action) return visibleLine(`${request.verb} on ${request.action.resource}`)
  const names = [...new Set(request.tables.map((table) => table.name))]
  const tables = names.length > 3 ? `${names.slice(0, 3).join(', ')} ...` : names.join(', ')
  const where = `${request.database}${request.environment ? ` (${request.environment})` : ''}`
  const on = tables === '' ? '' : ` on ${tables}`
  return visibleLine(`${request.verb}${on}, ${where}`)
}

function fieldsOf(request: ApprovalRequest, regulations: Regulations): readonly CardField[] {
  const fields: CardField[] = []
  const adder =
    (part: CardField['part']) =>
    (label: string, value: string | null, claimed = false) => {
      if (value === null || value === '') return
      fields.push({ label, value: visibleLine(value), claimed, part })
    }
  const first = adder('first')
  first('Agent', request.agent)
  first('Owner', request.owners.join(', '))
  first('Resource', request.action?.resource ?? null)
  first('Environment', request.environment)
  first('Database', request.database)
  first('Tables', request.tables.map(tableText).join('; '))
  first('Classes', request.classes.map((one) => classText(one, regulations)).join(', '))
  const asked = adder('asked')
  asked('Shows in clear', clearText(request))
  asked('Changes', impactText(request.impact))
  if (request.impact?.rows == null) asked('Estimate', estimateText(request.estimatedRows))
  asked('Transaction', request.inTransaction ? 'open: its locks are held while this waits' : null)
  asked('On behalf of', request.onBehalfOf, true)
  asked('Says it is doing', request.claim, true)
  const more = adder('more')
  more('Application', request.applicationName, true)
  more('Waits', request.waiting === 'ticket' ? ticketText(request) : null)
  if (request.state === 'pending') {
    more('Needs', request.requirements.map((one) => requirementText(one, request)).join('; '))
    more('Answer before', request.expiresAt)
  }
  more('Seen before', historyText(request))
  return fields
}

function ticketText({ action }: ApprovalRequest): string {
  return action ? 'the agent asks again, and goes ahead once' : 'as a ticket: runs when sent again'
}

function tableText(table: ApprovalRequest['tables'][number]): string {
  const classes = table.classes.length > 0 ? ` [${table.classes.join(', ')}]` : ''
  return `${table.name} (${table.access})${classes}`
}

/** "pii.email (GDPR Art. 4(1))". */
function classText(dataClass: string, regulations: Regulations): string {
  const regulation = regulationOf(dataClass, regulations)
  return regulation === null ? dataClass : `${dataClass} (${regulation})`
}

/** What leaves unmasked is said by itself: it is more than that the statement runs. */
function clearText({ asksClear, cleared }: ApprovalRequest): string | null {
  const shown = [...new Set([...asksClear, ...cleared])]
  return shown.length === 0 ? null : `${shown.join(', ')}: unmasked, this once`
}

/** Rows that were counted; the sample of them stands where values may. */
function impactText(impact: ApprovalRequest['impact']): string | null {
  if (!impact) return null
  if (impact.rows === null) return 'no count: its rows could not be counted in time, or safely'
  const rows = impact.rows === 1 ? '1 row' : `${impact.rows} rows`
  return `${rows}, as counted now; if it were more, it would be taken back`
}

function estimateText(rows: number | null): string | null {
  if (rows === null) return null
  return `about ${rows.toLocaleString('en')} row${rows === 1 ? '' : 's'}, as the planner guesses`
}

function requirementText(
  { rule, by, count, escalate }: ApprovalRequest['requirements'][number],
  { escalated }: ApprovalRequest,
): string {
  const people = count === 1 ? '1 person' : `${count} people`
  const to = escalate?.to.join(' or ')
  if (escalate && escalated.includes(rule)) {
    return `${people} of ${by.join(' or ')} or ${to} (rule ${rule}; nobody had decided in time)`
  }
  const later = escalate ? `; after ${minutesText(escalate.afterMs)} of ${to} too` : ''
  return `${people} of ${by.join(' or ')} (rule ${rule}${later})`
}

function minutesText(ms: number): string {
  return ms < 60_000 ? `${ms / 1_000} s` : `${Math.round(ms / 6_000) / 10} min`
}

function historyText({ history }: ApprovalRequest): string {
  if (history.approved === 0) return 'never: this shape is new from this agent'
  const times = history.approved === 1 ? 'once' : `${history.approved} times`
  return `approved ${times}${history.lastBy === null ? '' : `, last by ${history.lastBy}`}`
}

function quoted(value: string | null): string {
  return value === null ? 'NULL' : `'${visibleLine(value)}'`
}
