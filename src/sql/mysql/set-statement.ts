import type { Analysis } from './analysis.ts'
import { Cursor } from './cursor.ts'
import { checkQuery } from './query.ts'
import { isReadable, settingUse } from './settings.ts'
import { type StatementText, stringValue } from './statement-text.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** Which value of a variable an assignment changes; it holds for those behind it too. */
type Scope = 'session' | 'global'

const SCOPES: Readonly<Record<string, Scope>> = {
  SESSION: 'session',
  LOCAL: 'session',
  GLOBAL: 'global',
  PERSIST: 'global',
  PERSIST_ONLY: 'global',
}

/** SET with any list of assignments, from the token behind it to the end. */
export function setStatement(analysis: Analysis, text: StatementText): void {
  const { findings } = analysis
  findings.effect('session', 'sets variables of the session', text.tokens[0])
  if (text.tokens.length < 3) findings.opaque('what SET sets is not understood', text.tokens[0])
  checkQuery(analysis, text)
  checkReadsTables(analysis, text)
  // What is kept isn't returned.
  let scope: Scope = 'session'
  for (const item of itemsOf(text.tokens.slice(1))) {
    scope = assignment(analysis, { ...text, tokens: item }, scope)
  }
}

/** A variable that takes its value from a classified table can be looked at by any later statement. */
function checkReadsTables({ findings }: Analysis, { tokens }: StatementText): void {
  if (findings.read.some(({ classified }) => classified) || findings.unknown.size > 0) {
    findings.effect('probe', 'keeps what it reads from tables in a variable', tokens[0])
    findings.keeps = true
  }
}

/** Cuts at commas outside parentheses. */
function itemsOf(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const items: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isOp(token, '(')) depth++
    if (isOp(token, ')')) depth--
    if (depth === 0 && isOp(token, ',')) items.push([])
    else items.at(-1)?.push(token)
  }
  return items
}

/** One assignment; returns the scope that goes on behind it. */
function assignment(analysis: Analysis, text: StatementText, before: Scope): Scope {
  const { findings } = analysis
  const cursor = new Cursor(text)
  if (special(analysis, cursor)) return before
  const first = cursor.peek()
  if (first?.kind === 'variable') {
    userVariable(analysis, cursor, first)
    return before
  }
  const marked = cursor.skipOp('@@')
  const said = SCOPES[(cursor.peek()?.text ?? '').toUpperCase()]
  const scoped = said !== undefined && (!marked || isOp(cursor.peek(1), '.'))
  if (scoped) cursor.at += marked ? 2 : 1
  const unscoped = marked ? 'session' : before
  const scope = scoped ? said : unscoped
  const name = cursor.name()
  const assigns = cursor.skipOp('=') || cursor.skipOp(':=')
  if (!name || !assigns) findings.opaque('what SET sets is not understood', first)
  else
    system(
      analysis,
      cursor,
      name.schema === null ? name.name : `${name.schema}.${name.name}`,
      scope,
      first,
    )
  return marked ? before : scope
}

function userVariable({ findings }: Analysis, cursor: Cursor, variable: Token): void {
  cursor.at++
  if (!cursor.skipOp('=') && !cursor.skipOp(':='))
    findings.opaque('what SET sets is not understood', variable)
  findings.effect('session', `sets @${nameOf(variable)}`, variable)
  findings.connectionBound = true
}

function system(
  analysis: Analysis,
  cursor: Cursor,
  name: string,
  scope: Scope,
  token: Token | undefined,
): void {
  const { findings } = analysis
  const literals = literalsOf(analysis, cursor, name)
  findings.names.push({ kind: 'set', name: name.toLowerCase() })
  if (/passw|secret|key/i.test(name)) findings.secret = true
  if (scope === 'global') {
    findings.effect('server', `sets ${name} for the whole server`, token)
    return
  }
  const use = settingUse(name, literals)
  // A name that isn't a server's is a variable of the stored program, or a column of its trigger.
  if (analysis.within.length > 0 && use.kind === 'opaque' && use.unknown) return
  if (use.kind === 'transaction') findings.effect('transaction', `sets ${name}`, token)
  else if (use.kind === 'harmless') findings.effect('session', `sets ${name}`, token)
  else if (use.kind === 'opaque') findings.opaque(use.reason, token)
  else findings.effect(use.kind, use.reason, token)
}

const WORDS_OF_MODE = new Set([
  'CONCAT',
  'SESSION',
  'GLOBAL',
  'SQL_MODE',
  '_UTF8',
  '_UTF8MB3',
  '_UTF8MB4',
])

/** The constants that the value is made of; null where it is computed from anything else. */
function literalsOf(analysis: Analysis, cursor: Cursor, name: string): readonly string[] | null {
  const tokens = cursor.tokens.slice(cursor.at)
  const literals: string[] = []
  // Frameworks add to what is set: CONCAT(@@sql_mode, ',STRICT_ALL_TABLES').
  const adds = name.toLowerCase() === 'sql_mode' && tokens.length > 1
  for (const token of tokens) {
    if (token.kind === 'string') {
      literals.push(stringValue(cursor.text, token, !analysis.mode.noBackslashEscapes))
    } else if (adds) {
      const word = token.kind === 'word' && WORDS_OF_MODE.has(token.text.toUpperCase())
      if (!word && token.kind !== 'op') return null
    } else if (token.kind === 'number' || isName(token)) literals.push(token.text)
    else if (!isOp(token, '-') && !isOp(token, '+')) return null
  }
  return adds && !tokens.some((token) => token.text.toUpperCase() === 'CONCAT') ? null : literals
}

/** NAMES, CHARACTER SET, PASSWORD, ROLE, TRANSACTION and other things that are no variables. */
function special(analysis: Analysis, cursor: Cursor): boolean {
  const { findings } = analysis
  if (isOp(cursor.peek(1), '=') || isOp(cursor.peek(1), ':=')) {
    // SET PASSWORD = '...' and, in a trigger, SET NEW.x = ...
    if (!cursor.sees('PASSWORD')) return false
  }
  if (cursor.skip('NAMES') || cursor.skip('CHARSET') || cursor.skip('CHARACTER', 'SET')) {
    characterSet(analysis, cursor)
    return true
  }
  if (cursor.sees('PASSWORD')) {
    findings.secret = true
    findings.effect('privilege', 'changes a password', cursor.tokens[0])
    return true
  }
  if (cursor.sees('ROLE') || cursor.sees('DEFAULT', 'ROLE')) {
    findings.effect('privilege', 'changes which roles are in force', cursor.tokens[0])
    return true
  }
  if (cursor.sees('RESOURCE', 'GROUP')) {
    findings.effect('server', 'changes the resource group of threads', cursor.tokens[0])
    return true
  }
  return transaction(analysis, cursor)
}

function transaction({ findings }: Analysis, cursor: Cursor): boolean {
  const scope = SCOPES[cursor.word()]
  if (cursor.word(scope === undefined ? 0 : 1) !== 'TRANSACTION') return false
  if (scope === 'global')
    findings.effect('server', 'sets how transactions of the whole server behave', cursor.tokens[0])
  else findings.effect('transaction', 'sets how transactions behave', cursor.tokens[0])
  return true
}

/** SET NAMES utf8mb4 COLLATE utf8mb4_bin */
function characterSet({ findings, mode }: Analysis, cursor: Cursor): void {
  const values = cursor.tokens
    .slice(cursor.at)
    .filter(({ keyword }) => keyword !== 'COLLATE')
    .map((token) => {
      if (token.kind === 'string') return stringValue(cursor.text, token, !mode.noBackslashEscapes)
      return isName(token) ? nameOf(token) : ''
    })
  findings.names.push({ kind: 'set', name: 'names' })
  if (values.length > 0 && values.every(isReadable))
    findings.effect('session', 'sets the character set', cursor.tokens[0])
  else findings.opaque('SET NAMES changes how text is read', cursor.tokens[0])
}

/** MariaDB: SET STATEMENT variable = value, ... FOR statement. Returns where the statement begins. */
export function setForStatement(analysis: Analysis, text: StatementText): number {
  const tokens = text.tokens
  let depth = 0
  for (let at = 2; at < tokens.length; at++) {
    if (isOp(tokens[at], '(')) depth++
    if (isOp(tokens[at], ')')) depth--
    if (depth > 0 || tokens[at]?.keyword !== 'FOR') continue
    const settings = { ...text, tokens: tokens.slice(2, at) }
    checkQuery(analysis, settings)
    checkReadsTables(analysis, settings)
    for (const item of itemsOf(settings.tokens))
      assignment(analysis, { ...text, tokens: item }, 'session')
    return at + 1
  }
  return -1
}
