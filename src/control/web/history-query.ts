import { type ApprovalRequest, REQUEST_STATES, type RequestState } from '../../approval/request.ts'
import { sameName } from '../../identity/directory.ts'
import { ApiError } from '../api-error.ts'

/** What somebody looks for among all requests; each that is given has to hold. */
export interface HistoryQuery {
  readonly state: RequestState | null
  /** Stands in the statement, a table, the verb, the database or the agent's claim; any case. */
  readonly text: string
  readonly agent: string
  /** Who answered, owns the agent, or on whose behalf it acts. */
  readonly person: string
  /** Days, UTC: YYYY-MM-DD, both within. */
  readonly since: string
  readonly until: string
}

const LONGEST = 200
const DAY = /^\d{4}-\d{2}-\d{2}$/

/** Reads the fields of the form in an address. Throws 422 for what they can't hold. */
export function historyQuery(query: Readonly<Record<string, unknown>>): HistoryQuery {
  const text = (name: string): string => {
    const value = query[name] ?? ''
    if (typeof value !== 'string' || value.length > LONGEST) throw unreadable(name)
    return value.trim()
  }
  const day = (name: string): string => {
    const value = text(name)
    const isDay = DAY.test(value) && !Number.isNaN(Date.parse(value))
    if (value !== '' && !isDay) throw unreadable(name)
    return value
  }
  const wanted = text('state')
  const state = REQUEST_STATES.find((one) => one === wanted) ?? null
  if (wanted !== '' && state === null) throw unreadable('state')
  return {
    ...{ state, text: text('q'), agent: text('agent'), person: text('person') },
    ...{ since: day('since'), until: day('until') },
  }
}

export function isEverything(query: HistoryQuery): boolean {
  return Object.values(query).every((value) => value === null || value === '')
}

/** The address of the same search, or of its next page. */
export function historyAddress(query: HistoryQuery, cursor: string | null = null): string {
  const { state, text, agent, person, since, until } = query
  const fields = { state: state ?? '', q: text, agent, person, since, until, after: cursor ?? '' }
  const given = Object.entries(fields).filter(([, value]) => value !== '')
  const search = new URLSearchParams(given).toString()
  return search === '' ? '/inbox/history' : `/inbox/history?${search}`
}

/** Whether a request is what is looked for; the text, which may be long to read, comes last. */
export function fitsQuery(request: ApprovalRequest, query: HistoryQuery): boolean {
  const { createdAt, agent, state } = request
  if (query.state !== null && state !== query.state) return false
  if (query.since !== '' && createdAt.slice(0, 10) < query.since) return false
  if (query.until !== '' && createdAt.slice(0, 10) > query.until) return false
  if (query.agent !== '' && !holds(agent, query.agent)) return false
  if (query.person !== '' && !peopleOf(request).some((one) => holds(one, query.person))) {
    return false
  }
  return query.text === '' || textsOf(request).some((one) => holds(one, query.text))
}

function peopleOf({ votes, owners, onBehalfOf }: ApprovalRequest): readonly string[] {
  return [...votes.map(({ person }) => person), ...owners, onBehalfOf ?? '']
}

function textsOf(request: ApprovalRequest): readonly string[] {
  const { verb, database, claim, tables, statement } = request
  return [verb, database, claim ?? '', ...tables.map(({ name }) => name), statement]
}

function holds(text: string, part: string): boolean {
  return sameName(text).includes(sameName(part))
}

function unreadable(name: string): ApiError {
  return new ApiError(422, 'unprocessable', `${name}: this can't be looked for.`)
}
