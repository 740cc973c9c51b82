import type { ApprovalRequest } from '../request.ts'
import { cut } from './cut.ts'
import type { Card } from './rendering.ts'

/** Characters, lines and values of a card that doesn't fit which are shown all the same. */
const EXCERPT = 1_000
const EXCERPT_LINES = 15
const FIELD_EXCERPT = 100
const LINES_EXCERPT = 5

/** Nobody reads more lines than that between two messages; chats may fold them, too. */
const MOST_LINES = 100

/** What stands on a card that leaves constants out. */
export const HIDDEN = 'Constants are not shown here. To approve it, read it in the inbox.'

/** What of a card that is too large is shown; each part of it is bounded, so that the sum is. */
export function excerptOf(card: Card): Card {
  const few = (lines: readonly string[]) =>
    lines.slice(0, LINES_EXCERPT).map((line) => cut(line, FIELD_EXCERPT))
  return {
    ...card,
    title: cut(card.title, FIELD_EXCERPT),
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

/** Whether a card has more lines of statement and parameters than anybody reads in a chat. */
export function hasTooManyLines({ statement, parameters }: Card): boolean {
  return statement.split('\n').length + parameters.length > MOST_LINES
}

/** What stands on a card that shows a part. `whole`: where all of it is, in words of our own. */
export function tooLong({ id, statement, parameters }: ApprovalRequest, whole = ''): string {
  const lines = statement.split('\n').length
  const size = `${statement.length} characters in ${lines} lines and ${parameters.length} parameters`
  const toApprove = `o approve it, read it in the inbox, or by: countersign approvals show ${id}`
  const rest = whole === '' ? `T${toApprove}` : `${whole}; t${toApprove}`
  return `This is not all of it: the statement has ${size}, too many for a message. ${rest}`
}

function firstLines(text: string): string {
  const lines = text.split('\n')
  return lines.length <= EXCERPT_LINES ? text : [...lines.slice(0, EXCERPT_LINES), '...'].join('\n')
}
