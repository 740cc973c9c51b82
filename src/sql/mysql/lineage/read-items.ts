import { NO_ALIAS } from '../from-clauses.ts'
import { isName, isOp, nameOf } from '../token.ts'
import type { Reading } from './reading.ts'
import type { SelectItem } from './tree.ts'

/** What SELECT or RETURNING lists. */
export function readItems(reading: Reading): readonly SelectItem[] {
  const items: SelectItem[] = []
  do items.push(readStar(reading) ?? readValue(reading))
  while (reading.cursor.skipOp(','))
  return items
}

/** `*`, t.* or s.t.*; null, without a step, where none stands. */
function readStar({ cursor }: Reading): SelectItem | null {
  const names: string[] = []
  let at = cursor.at
  for (let name = cursor.tokens[at]; isName(name) && names.length < 3; name = cursor.tokens[at]) {
    if (!isOp(cursor.tokens[at + 1], '.')) return null
    names.push(nameOf(name))
    at += 2
  }
  if (!isOp(cursor.tokens[at], '*')) return null
  cursor.at = at + 1
  return { kind: 'star', names }
}

function readValue(reading: Reading): SelectItem {
  const { cursor } = reading
  const value = reading.expression()
  const said = cursor.skip('AS')
  const token = cursor.peek()
  if (isName(token) && (said || !NO_ALIAS.has(token.keyword))) {
    cursor.at++
    return { kind: 'value', value, alias: nameOf(token) }
  }
  if (token?.kind === 'string') {
    // A string names the column too; what it says isn't followed.
    cursor.at++
    return { kind: 'value', value, alias: '' }
  }
  if (said) throw reading.unfollowed()
  return { kind: 'value', value, alias: null }
}
