import type { ApprovalRequest } from '../request.ts'
import { visibleLine } from './visible.ts'

/** Slack: ten boxes in one group, 75 characters beside each; no more are asked for anywhere. */
const MOST_BOXES = 10
/** Teams reads markdown beside a box, and writes a comma between those that are chosen. */
const BOX_TEXT = /^[\w.-]{1,75}$/

/** What a form asks that unmasks, and what it says of it. */
export interface ClearanceForm {
  /** The classes that can be chosen. */
  readonly classes: readonly string[]
  readonly lines: readonly string[]
}

/** `mine`: what the person who is asked may clear. */
export function clearanceForm(
  { clearable }: ApprovalRequest,
  mine: readonly string[],
): ClearanceForm {
  const classes = mine.filter((one) => BOX_TEXT.test(one)).slice(0, MOST_BOXES)
  const others = clearable.filter((one) => !classes.includes(one))
  const kept =
    others.length === 0
      ? []
      : [`Not here, or not yours to show: ${others.map(visibleLine).join(', ')}.`]
  return { classes, lines: ['What you choose leaves unmasked, for this one execution.', ...kept] }
}

/** What somebody is told who may clear none of it. */
export function clearsNone({ clearable }: ApprovalRequest): string {
  return `No group of yours clears ${clearable.join(', ')}.`
}
