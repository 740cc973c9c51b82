import type { Classification } from '../statement.ts'
import { unreadable } from '../unreadable.ts'
import type { Analysis } from './analysis.ts'
import { checkCalls } from './calls.ts'
import { Cursor } from './cursor.ts'
import type { Findings } from './findings.ts'
import { checkQuery } from './query.ts'
import { type StatementText, stringValue } from './statement-text.ts'
import { leavePrepared } from './stored-code.ts'
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
  findings.copies.push(...(inner.copies ?? []))
  findings.classified ||= inner.output === 'classified'
  findings.connectionBound ||= inner.connectionBound
  findings.keeps ||= inner.keeps !== undefined
  findings.usesKept ||= inner.usesKept !== undefined
  for (const schema of inner.schemas ?? []) findings.schemas.add(schema)
}

/** EXECUTE name USING @a, and MariaDB's EXECUTE IMMEDIATE text. Returns the verb. */
export function execute(analysis: Analysis, text: StatementText): string {
  const { findings } = analysis
  const cursor = new Cursor(text, 1)
  findings.connectionBound = true
  checkQuery(analysis, text)
  // What variables hold is given to parameters, and comes out only where those do.
  findings.classified = false
  if (cursor.skip('IMMEDIATE')) {
    const token = cursor.peek()
    const inner = innerOf(analysis, cursor)
    include(analysis, inner, 'the text', token)
    run(analysis, inner, token)
    return 'EXECUTE IMMEDIATE'
  }
  const token = cursor.peek()
  const name = token ? nameOf(token).toLowerCase() : ''
  const prepared = analysis.names.prepared(name)
  const before = preparedBefore(findings, name)
  findings.names.push({ kind: 'execute', name })
  if (before.length > 0) {
    // A program may come here by another way, with what the session has prepared.
    for (const inner of [...before, ...(prepared ? [prepared] : [])]) {
      include(analysis, inner, `the prepared statement ${name}`, token)
    }
    findings.anyResults = true
    findings.classified = true
  } else if (prepared) {
    include(analysis, prepared, `the prepared statement ${name}`, token)
    run(analysis, asItIsNow(analysis, prepared), token)
  } else {
    findings.anyResults = true
    findings.opaque(`the prepared statement ${name} isn't known`, token)
  }
  return 'EXECUTE'
}

/** What the same program has prepared under a name, whichever of it runs. */
function preparedBefore({ names }: Findings, wanted: string): readonly Classification[] {
  return names.flatMap((use) => (use.kind === 'prepare' && use.name === wanted ? [use.inner] : []))
}

/** The schema may have changed since the statement was prepared, and the server follows it. */
function asItIsNow({ inner, findings }: Analysis, prepared: Classification): Classification {
  const now = prepared.sql === '' ? null : inner(prepared.sql)
  const says = (one: Classification) => JSON.stringify([one.output, one.lineage, one.anyResults])
  if (now && says(now) === says(prepared)) return prepared
  findings.classified = true
  const { lineage: _lineage, ...rest } = prepared
  return rest
}

/** What is executed gives its own results, and looks for what its own constants say. */
function run({ findings }: Analysis, inner: Classification, token: Token | undefined): void {
  leavePrepared(findings, inner)
  if (inner.effects.some(({ effect }) => effect === 'opaque')) {
    findings.names.push({ kind: 'deallocate', name: null })
  }
  findings.uses = inner.uses ?? null
  findings.anyResults = inner.anyResults ?? false
  findings.lineage = inner.lineage ?? null
  for (const lookup of inner.lookups ?? []) {
    if (token) findings.lookFor([lookup], token)
    if (lookup.values.every((value) => typeof value === 'string')) continue
    const reason = `${lookup.column} is compared with what a variable holds`
    findings.effect('probe', reason, token)
  }
}

export function deallocate({ findings }: Analysis, text: StatementText): void {
  const name = new Cursor(text, 2).name()
  findings.names.push({ kind: 'deallocate', name: name?.name.toLowerCase() ?? null })
}
