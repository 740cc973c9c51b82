import type { ApprovalRequest } from '../request.ts'
import type { Card, CardField, CardTable } from './rendering.ts'
import {
  badge,
  bold,
  code,
  context,
  cut,
  type Element,
  header,
  italic,
  list,
  moment,
  plain,
  richText,
  section,
} from './slack-elements.ts'

/**
 * What, who and where stand within the first 600 characters of a message, whatever their lengths:
 * title, agent, owner, environment, tables and classes. What is cut there is said in full below.
 */
const TITLE = 110
const FIRST: Readonly<Record<string, number>> = {
  Agent: 63,
  Owner: 80,
  Environment: 50,
  Database: 50,
  Tables: 90,
  Classes: 70,
}
/** Characters, lines and values of a card that doesn't fit which are shown all the same. */
const EXCERPT = 1_000
const EXCERPT_LINES = 15
const FIELD_EXCERPT = 100
const LINES_EXCERPT = 5

/** What the blocks say of a request itself: no buttons, no company. */
export function cardBlocks(request: ApprovalRequest, card: Card): readonly unknown[] {
  return [
    header(cut(card.title, TITLE)),
    richText(section([...statusOf(request, card), ...firstOf(card), ...askedOf(card)])),
    richText(code(card.statement, request.action ? undefined : 'sql')),
    ...(card.parameters.length > 0 ? [richText(code(card.parameters.join('\n')))] : []),
    ...(card.lookAlikes.length > 0 ? [lookAlikes(card)] : []),
    richText(...effects(card), section(factsOf(request, card))),
    context(card.footer),
  ]
}

/** What of a card that is too large is shown; each part of it is bounded, so that the sum is. */
export function excerptOf(card: Card): Card {
  const few = (lines: readonly string[]) =>
    lines.slice(0, LINES_EXCERPT).map((line) => cut(line, FIELD_EXCERPT))
  return {
    ...card,
    status: cut(card.status, FIELD_EXCERPT),
    fields: card.fields.map((field) => ({ ...field, value: cut(field.value, FIELD_EXCERPT) })),
    classes: card.classes.slice(0, LINES_EXCERPT),
    tables: card.tables.slice(0, LINES_EXCERPT),
    reasons: few(card.reasons),
    lookAlikes: few(card.lookAlikes),
    statement: cut(firstLines(card.statement), EXCERPT),
    parameters: few(card.parameters),
  }
}

function firstLines(text: string): string {
  const lines = text.split('\n')
  return lines.length <= EXCERPT_LINES ? text : [...lines.slice(0, EXCERPT_LINES), '...'].join('\n')
}

/** That it waits is what its buttons say. */
function statusOf(request: ApprovalRequest, card: Card): readonly (readonly Element[])[] {
  const obvious = request.state === 'pending' && request.votes.length === 0
  return obvious ? [] : [[bold(card.status)]]
}

/** Those that say one thing together stand on one line. */
const LINES = [['Agent', 'Owner'], ['Environment', 'Database'], ['Tables'], ['Classes']]

function firstOf(card: Card): readonly (readonly Element[])[] {
  const fields = fieldsOf(card, 'first')
  return LINES.flatMap((labels) => {
    const said = fields.filter(({ label }) => labels.includes(label))
    const line = said.flatMap((field, at) => [
      ...(at > 0 ? [plain('    ')] : []),
      ...firstField(card, field),
    ])
    return line.length === 0 ? [] : [line]
  })
}

function firstField(card: Card, { label, value }: CardField): readonly Element[] {
  const room = FIRST[label] ?? 0
  if (label === 'Tables') return [bold('Tables: '), ...within(tableElements(card.tables), room)]
  if (label === 'Classes') return [bold('Classes: '), ...within(classElements(card), room)]
  return [bold(`${label}: `), plain(cut(value, room))]
}

function askedOf(card: Card): readonly (readonly Element[])[] {
  return fieldsOf(card, 'asked').map(fieldElements)
}

function fieldElements({ label, value, claimed }: CardField): readonly Element[] {
  // What holds others up is to be seen.
  const shown = label === 'Transaction' ? bold(value) : plain(value)
  return [bold(`${label}: `), shown, ...(claimed ? [italic(' (says the agent)')] : [])]
}

function effects(card: Card): readonly unknown[] {
  if (card.reasons.length === 0) return []
  return [section([[bold('What it does')]]), list(reasonsOf(card))]
}

/** "ddl: it drops a table", the effect first and bold. */
function reasonsOf(card: Card): readonly (readonly Element[])[] {
  return card.reasons.map((reason) => {
    const at = reason.indexOf(': ')
    return at < 0 ? [bold(reason)] : [bold(reason.slice(0, at)), plain(reason.slice(at))]
  })
}

function factsOf(request: ApprovalRequest, card: Card): readonly (readonly Element[])[] {
  const cutAbove = fieldsOf(card, 'first').filter(({ label, value }) => isCut(card, label, value))
  const title = [...card.title].length > TITLE ? [[bold('Does: '), plain(card.title)]] : []
  const more = fieldsOf(card, 'more').map((field) =>
    field.label === 'Answer before'
      ? [bold('Answer before: '), moment(request.expiresAt)]
      : fieldElements(field),
  )
  return [...title, ...cutAbove.map(fieldElements), ...more]
}

function isCut(card: Card, label: string, value: string): boolean {
  const room = FIRST[label] ?? 0
  if (label === 'Tables') return lengthOf(tableElements(card.tables).flat()) > room
  if (label === 'Classes') return lengthOf(classElements(card).flat()) > room
  return [...value].length > room
}

function fieldsOf(card: Card, part: CardField['part']): readonly CardField[] {
  return card.fields.filter((field) => field.part === part)
}

type Items = readonly (readonly Element[])[]

function tableElements(tables: readonly CardTable[]): Items {
  return tables.map(({ name, access, classes }) => [
    plain(`${name} (${access})`),
    ...classes.flatMap((one) => [plain(' '), badge(one)]),
  ])
}

function classElements({ classes }: Card): Items {
  return classes.map(({ name, regulation }) => [
    badge(name),
    ...(regulation === null ? [] : [plain(` ${regulation}`)]),
  ])
}

/** As many of the items as fit, joined by commas, and how many more there are. */
function within(items: Items, room: number): readonly Element[] {
  const shown: Element[] = []
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

function textOf(elements: readonly Element[]): string {
  return elements.map((element) => ('text' in element ? element.text : '')).join('')
}

function lengthOf(elements: readonly Element[]): number {
  return [...textOf(elements)].length
}

function lookAlikes(card: Card): unknown {
  const lines = card.lookAlikes.map((line) => [plain(line)])
  return richText(section([[bold('Characters that may look like others')]]), list(lines))
}
