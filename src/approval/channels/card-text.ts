import type { Card } from './rendering.ts'

/** A card as plain text, for a terminal. Columns are aligned; nothing in it is an escape. */
export function cardText(card: Card): string {
  const width = Math.max(...card.fields.map((field) => field.label.length), 6)
  const row = (label: string, value: string): string => `  ${label.padEnd(width)}  ${value}`
  return [
    card.title,
    row('Status', card.status),
    ...card.fields.map((field) =>
      row(field.label, field.claimed ? `${field.value} (says the agent)` : field.value),
    ),
    ...card.reasons.map((reason, at) => row(at === 0 ? 'Effects' : '', reason)),
    '',
    ...indented(card.statement),
    ...card.lookAlikes.map((line) => `  look-alike: ${line}`),
    '',
    ...card.parameters.map((parameter) => `  ${parameter}`),
    `  ${card.footer}`,
    '',
  ].join('\n')
}

function indented(statement: string): readonly string[] {
  return statement.split('\n').map((line) => `  | ${line}`)
}
