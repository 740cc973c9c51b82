import type { Classification } from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import type { Analysis } from './analysis.ts'
import { checkCalls } from './calls.ts'
import { Cursor } from './cursor.ts'
import { checkQuery } from './query.ts'
import { type StatementText, stringValue } from './statement-text.ts'
import { nameOf, type Token } from './token.ts'
import { checkVariables } from './variables.ts'

/** PREPARE name FROM 'text': what a constant text does is known, what a variable holds isn't. */
export function prepare(analysis: Analysis, text: StatementText): void {
  const { findings } = analysis
  const cursor = new Cursor(text, 1)
  const name = cursor.name()
  findings.effect('session', 'prepares a statement', text.tokens[0])
  findings.connectionBound = true
  if (!name || !cursor.skip('FROM')) {
    findings.opaque('what PREPARE prepares is not understood', text.tokens[0])
    return
  }
  const token = cursor.peek()
  const inner = innerOf(analysis, cursor)
  include(analysis, inner, 'the prepared text', token)
  findings.names.push({ kind: 'prepare', name: name.name.toLowerCase(), inner })
  checkCalls(analysis, text)
  checkVariables(analysis, text)
}

/** The statement that a text stands for; opaque where the text isn't one constant. */
function innerOf(analysis: Analysis, cursor: Cursor): Classification {
  const token = cursor.peek()
  const whole =
    cursor.at === cursor.tokens.length - 1 || cursor.sees('USING') || cursor.word(1) === 'USING'
  if (token?.kind === 'string' && whole) {
    const sql = stringValue(cursor.text, token, !analysis.mode.noBackslashEscapes)
    const inner = analysis.inner(sql)
    if (inner) return inner
  }
  return unreadable('', 'its text is computed')
}

function include(
  { findings }: Analysis,
  inner: Classification,
  what: string,
  token: Token | undefined,
): void {
  for (const { effect, reason } of inner.effects) findings.effect(effect, reason, token)
  const [first] = inner.effects
  if (first && inner.sql !== '') {
    findings.effect(first.effect, `${what} is: ${inner.redacted}`, token)
  }
  findings.adopt(inner.tables, inner.classes)
  findings.classified ||= inner.output === 'classified'
  findings.connectionBound ||= inner.connectionBound
  for (const schema of inner.schemas ?? []) findings.schemas.add(schema)
}

/** EXECUTE name USING @a, and MariaDB's EXECUTE IMMEDIATE text. Returns the verb. */
export function execute(analysis: Analysis, text: StatementText): string {
  const { findings } = analysis
  const cursor = new Cursor(text, 1)
  findings.connectionBound = true
  findings.anyResults = true
  checkQuery(analysis, text)
  if (cursor.skip('IMMEDIATE')) {
    const token = cursor.peek()
    const inner = innerOf(analysis, cursor)
    include(analysis, inner, 'the text', token)
    findings.uses = inner.uses ?? null
    return 'EXECUTE IMMEDIATE'
  }
  const token = cursor.peek()
  const name = token ? nameOf(token).toLowerCase() : ''
  const prepared = analysis.names.prepared(name)
  findings.names.push({ kind: 'execute', name })
  findings.uses = prepared?.uses ?? null
  if (prepared) include(analysis, prepared, `the prepared statement ${name}`, token)
  else findings.opaque(`the prepared statement ${name} isn't known`, token)
  return 'EXECUTE'
}

export function deallocate({ findings }: Analysis, text: StatementText): void {
  const name = new Cursor(text, 2).name()
  findings.names.push({ kind: 'deallocate', name: name?.name.toLowerCase() ?? null })
}
