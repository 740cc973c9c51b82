import type { ApprovalRequest } from '../request.ts'
import type { Card, CardField } from './rendering.ts'
import {
  badge,
  bold,
  code,
  cut,
  italic,
  type Line,
  line,
  lines,
  moment,
  plain,
} from './teams-elements.ts'

/**
 * What, who and where stand on top, whatever their lengths; what is cut there is said in full below.
 */
const TITLE = 110
const FIRST: Readonly<Record<string, number>> = {
  Agent: 63,
  Owner: 80,
  Environment: 50,
  Database: 50,
  Resource: 90,
  Tables: 90,
}
const CLASSES = 70
/** Those that say one thing together stand on one line. */
const TOGETHER = [['Agent', 'Owner'], ['Resource'], ['Environment', 'Database'], ['Tables']]

/** What a card says of a request itself: no buttons. */
export function cardBody(request: ApprovalRequest, card: Card): readonly unknown[] {
  return [
    line([{ ...bold(cut(card.title, TITLE)), size: 'Medium' }]),
    ...lines([...statusOf(request, card), ...firstOf(card), ...askedOf(card)]),
    code(card.statement),
    ...(card.parameters.length > 0 ? [code(card.parameters.join('\n'))] : []),
    ...listed(
      'Characters that may look like others',
      card.lookAlikes.map((one) => [plain(one)]),
    ),
    ...listed('What it does', card.reasons.map(reasonOf)),
    ...lines(factsOf(card)),
    ...(request.state === 'pending' ? [moment('Answer before', request.expiresAt)] : []),
    line([{ ...plain(card.footer), size: 'Small', isSubtle: true }]),
  ]
}

/** That it waits is what its buttons say. */
function statusOf(request: ApprovalRequest, card: Card): readonly Line[] {
  const obvious = request.state === 'pending' && request.votes.length === 0
  return obvious ? [] : [[bold(card.status)]]
}

function firstOf(card: Card): readonly Line[] {
  const fields = fieldsOf(card, 'first')
  const together = TOGETHER.flatMap((labels) => {
    const said = fields.filter(({ label }) => labels.includes(label))
    const runs = said.flatMap(({ label, value }, at) => [
      ...(at > 0 ? [plain(' \u00b7 ')] : []),
      ...[bold(`${label}: `), plain(cut(value, FIRST[label] ?? CLASSES))],
    ])
    return runs.length === 0 ? [] : [runs]
  })
  const classes = fields.find(({ label }) => label === 'Classes')
  if (!classes) return together
  return [...together, [bold('Classes: '), badge(cut(classes.value, CLASSES))]]
}

function askedOf(card: Card): readonly Line[] {
  return fieldsOf(card, 'asked').map(fieldLine)
}

function fieldLine({ label, value, claimed }: CardField): Line {
  // What holds others up is to be seen.
  const shown = label === 'Transaction' ? bold(value) : plain(value)
  return [bold(`${label}: `), shown, ...(claimed ? [italic(' (says the agent)')] : [])]
}

function listed(title: string, all: readonly Line[]): readonly unknown[] {
  if (all.length === 0) return []
  return [
    line([bold(title)]),
    ...all.map((one) => line([plain('\u2022 '), ...one], { close: true })),
  ]
}

/** "ddl: it drops a table", the effect first and bold. */
function reasonOf(reason: string): Line {
  const at = reason.indexOf(': ')
  return at < 0 ? [bold(reason)] : [bold(reason.slice(0, at)), plain(reason.slice(at))]
}

function factsOf(card: Card): readonly Line[] {
  const cutAbove = fieldsOf(card, 'first').filter(
    ({ label, value }) => [...value].length > (FIRST[label] ?? CLASSES),
  )
  const title = [...card.title].length > TITLE ? [[bold('Does: '), plain(card.title)]] : []
  const more = fieldsOf(card, 'more').filter(({ label }) => label !== 'Answer before')
  return [...title, ...[...cutAbove, ...more].map(fieldLine)]
}

function fieldsOf(card: Card, part: CardField['part']): readonly CardField[] {
  return card.fields.filter((field) => field.part === part)
}
