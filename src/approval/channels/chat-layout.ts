import type { ApprovalRequest } from '../request.ts'
import { cut } from './cut.ts'
import type { Card, CardField } from './rendering.ts'

/** A piece of a line, as it is to be seen; each chat has its own means for that. */
export interface Run {
  readonly text: string
  /**
   * `badge`: a name that is to be seen as one, a data class. `aside`: what belongs to the badge before
   * it. `gap`: between two things on a line. `moment`: ISO 8601, shown by the reader's own clock.
   */
  readonly as: 'plain' | 'bold' | 'italic' | 'badge' | 'aside' | 'gap' | 'moment'
}

export type Line = readonly Run[]

/** What a card says in a chat, and in what order. None of it is markup. */
export interface Layout {
  readonly title: string
  /** Where it stands, who asks for what, where: what is read first. */
  readonly top: readonly Line[]
  readonly effects: readonly Line[]
  /** What was cut above, and what else is known. */
  readonly facts: readonly Line[]
}

/**
 * What, who and where stand within the first 600 characters of a message, whatever their lengths:
 * title, agent, owner, environment, tables and classes. What is cut there is said in full below.
 */
const TITLE = 110
const FIRST: Readonly<Record<string, number>> = {
  Agent: 63,
  Owner: 80,
  Resource: 90,
  Environment: 50,
  Database: 50,
  Tables: 90,
  Classes: 70,
}
/** Those that say one thing together stand on one line. */
const TOGETHER = [
  ['Agent', 'Owner'],
  ['Resource'],
  ['Environment', 'Database'],
  ['Tables'],
  ['Classes'],
]

export function layoutOf(request: ApprovalRequest, card: Card): Layout {
  return {
    title: cut(card.title, TITLE),
    top: [...statusOf(request, card), ...firstOf(card), ...fieldsOf(card, 'asked').map(fieldLine)],
    effects: card.reasons.map(reasonLine),
    facts: factsOf(request, card),
  }
}

export function plain(text: string): Run {
  return { text, as: 'plain' }
}

export function bold(text: string): Run {
  return { text, as: 'bold' }
}

/** That it waits is what its buttons say. */
function statusOf(request: ApprovalRequest, card: Card): readonly Line[] {
  const obvious = request.state === 'pending' && request.votes.length === 0
  return obvious ? [] : [[bold(card.status)]]
}

function firstOf(card: Card): readonly Line[] {
  const fields = fieldsOf(card, 'first')
  return TOGETHER.flatMap((labels) => {
    const said = fields.filter(({ label }) => labels.includes(label))
    const line = said.flatMap((field, at) => [
      ...(at > 0 ? [{ text: '', as: 'gap' } as const] : []),
      ...firstField(card, field),
    ])
    return line.length === 0 ? [] : [line]
  })
}

function firstField(card: Card, { label, value }: CardField): Line {
  const room = FIRST[label] ?? 0
  const items = itemsOf(card, label)
  return [bold(`${label}: `), ...(items ? within(items, room) : [plain(cut(value, room))])]
}

function fieldLine({ label, value, claimed }: CardField): Line {
  // What holds others up is to be seen.
  const shown = label === 'Transaction' ? bold(value) : plain(value)
  const mark = { text: ' (says the agent)', as: 'italic' } as const
  return [bold(`${label}: `), shown, ...(claimed ? [mark] : [])]
}

/** "ddl: it drops a table", the effect first and bold. */
function reasonLine(reason: string): Line {
  const at = reason.indexOf(': ')
  return at < 0 ? [bold(reason)] : [bold(reason.slice(0, at)), plain(reason.slice(at))]
}

function factsOf(request: ApprovalRequest, card: Card): readonly Line[] {
  const cutAbove = fieldsOf(card, 'first').filter((field) => isCut(card, field))
  const title = [...card.title].length > TITLE ? [[bold('Does: '), plain(card.title)]] : []
  const until = { text: request.expiresAt, as: 'moment' } as const
  const more = fieldsOf(card, 'more').map((field) =>
    field.label === 'Answer before' ? [bold('Answer before: '), until] : fieldLine(field),
  )
  return [...title, ...cutAbove.map(fieldLine), ...more]
}

function isCut(card: Card, { label, value }: CardField): boolean {
  const items = itemsOf(card, label)
  return (items ? lengthOf(items.flat()) : [...value].length) > (FIRST[label] ?? 0)
}

function fieldsOf(card: Card, part: CardField['part']): readonly CardField[] {
  return card.fields.filter((field) => field.part === part)
}

type Items = readonly Line[]

/** What a field is a list of; null where it is a text. */
function itemsOf({ tables, classes }: Card, label: string): Items | null {
  if (label === 'Tables') {
    return tables.map(({ name, access, classes: held }) => [
      plain(`${name} (${access})`),
      ...held.flatMap((one) => [plain(' '), { text: one, as: 'badge' } as const]),
    ])
  }
  if (label !== 'Classes') return null
  return classes.map(({ name, regulation }) => [
    { text: name, as: 'badge' } as const,
    ...(regulation === null ? [] : [{ text: regulation, as: 'aside' } as const]),
  ])
}

/** As many of the items as fit, joined by commas, and how many more there are. */
function within(items: Items, room: number): Line {
  const shown: Run[] = []
  let left = room
  let count = 0
  for (const item of items) {
    const length = lengthOf(item)
    if (count > 0 && length > left) break
    if (count > 0) shown.push(plain(', '))
    shown.push(...(length > left ? [plain(cut(textOf(item), left))] : item))
    left -= length + 2
    count++
  }
  const more = items.length - count
  return more > 0 ? [...shown, plain(` and ${more} more`)] : shown
}

function textOf(runs: Line): string {
  return runs.map(({ text, as }) => (as === 'aside' ? ` ${text}` : text)).join('')
}

function lengthOf(runs: Line): number {
  return [...textOf(runs)].length
}
