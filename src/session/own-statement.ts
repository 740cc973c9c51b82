import { ProxyError } from '../lib/errors.ts'
import { SAYABLE, type Sayable } from './said-settings.ts'

/** What a client asks of the proxy itself. */
export type OwnStatement =
  /** `id`: one of them. `show`: it was asked for by SHOW. */
  | { readonly kind: 'requests'; readonly id: string | null; readonly show: boolean }
  | { readonly kind: 'show'; readonly name: Sayable }
  /** Null: as it was when the session began. */
  | { readonly kind: 'set'; readonly name: Sayable; readonly value: string | null }
  /** It begins as one of these and goes on otherwise. */
  | { readonly kind: 'wrong'; readonly text: string; readonly error: ProxyError }

/** No statement of these forms is longer; what is, is one only by its beginning. */
const LONGEST = 4096
const NEEDLES = [Buffer.from('countersign'), Buffer.from('COUNTERSIGN')]

export const FORMS =
  "countersign.requests is answered by the proxy, in these forms only: SELECT * FROM countersign.requests; SELECT * FROM countersign.requests WHERE id = '...'; SHOW countersign.request '...'"
const SETTINGS = `SET, SHOW and RESET take countersign.${SAYABLE.join(', countersign.')}`

type Token =
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'mark'; readonly text: string }

/** True where a text could ask something of the proxy; most are past this in no time. */
export function mentionsProxy(sql: Buffer): boolean {
  const head = sql.length > LONGEST ? sql.subarray(0, LONGEST) : sql
  return NEEDLES.some((needle) => head.includes(needle))
}

/**
 * Reads a text that is one statement for the proxy, on either protocol; null where it is something
 * else, which goes its ordinary way. Nothing of what is read here is ever sent to the database, so
 * a text that a server would read otherwise gains nothing by it.
 */
export function readOwnStatement(sql: Buffer): OwnStatement | null {
  if (!mentionsProxy(sql)) return null
  const text = sql.toString('utf8')
  const tokens = tokensOf(text.slice(0, LONGEST))
  if (tokens.at(-1)?.text === ';') tokens.pop()
  const [first] = tokens
  if (first?.kind !== 'word') return null
  const words = tokens.map((token) => (token.kind === 'string' ? `'` : token.text.toLowerCase()))
  switch (words[0]) {
    case 'select':
      return selection(tokens, words, text)
    case 'show':
      return shown(tokens, words, text)
    case 'set':
      return setting(tokens, words, text)
    case 'reset':
      return resetting(words, text)
    default:
      return null
  }
}

/** SELECT * FROM countersign.requests [WHERE id = '...'] */
function selection(
  tokens: readonly Token[],
  words: readonly string[],
  text: string,
): OwnStatement | null {
  const head = 'select * from countersign . requests'
  if (!startsWith(words, head)) return null
  const rest = words.slice(6)
  if (rest.length === 0) return { kind: 'requests', id: null, show: false }
  if (rest.join(' ') !== "where id = '") return wrong(text, FORMS)
  return oneRequest(tokens.at(-1)?.text ?? '', { text, show: false })
}

/** SHOW countersign.request '...', SHOW countersign.hold */
function shown(
  tokens: readonly Token[],
  words: readonly string[],
  text: string,
): OwnStatement | null {
  if (!startsWith(words, 'show countersign .')) return null
  const [name = '', ...rest] = words.slice(3)
  if (name === 'request' || name === 'requests') {
    if (rest.join(' ') !== `'`) return wrong(text, FORMS)
    return oneRequest(tokens.at(-1)?.text ?? '', { text, show: true })
  }
  const sayable = SAYABLE.find((one) => one === name)
  if (sayable === undefined || rest.length > 0) return wrong(text, SETTINGS)
  return { kind: 'show', name: sayable }
}

/** SET [SESSION] countersign.hold = '10s' | TO '10s' | = DEFAULT */
function setting(
  tokens: readonly Token[],
  words: readonly string[],
  text: string,
): OwnStatement | null {
  const scope = ['session', 'local', 'global', 'persist'].includes(words[1] ?? '') ? words[1] : null
  const at = scope === null ? 1 : 2
  if (!startsWith(words.slice(at), 'countersign .')) return null
  if (scope !== null && scope !== 'session') {
    return wrong(text, 'countersign.* settings hold for the session and at once: say SET')
  }
  const [name = '', sign = '', ...value] = words.slice(at + 2)
  if (name === 'on_behalf_of') {
    return wrong(text, 'countersign.on_behalf_of is said when the connection begins, and stays')
  }
  const sayable = SAYABLE.find((one) => one === name)
  if (sayable === undefined) return wrong(text, SETTINGS)
  const signs = ['=', 'to', ':=']
  if (!signs.includes(sign) || value.length !== 1) {
    return wrong(text, `write it by itself and like SET countersign.${name} = '...'`)
  }
  const last = tokens.at(-1)
  if (text.length > LONGEST) return wrong(text, `countersign.${name} is too long`)
  const byDefault = last?.kind === 'word' && last.text.toLowerCase() === 'default'
  return { kind: 'set', name: sayable, value: byDefault ? null : (last?.text ?? '') }
}

/** RESET countersign.hold */
function resetting(words: readonly string[], text: string): OwnStatement | null {
  if (!startsWith(words, 'reset countersign .')) return null
  const sayable = SAYABLE.find((one) => one === words[3])
  if (sayable === undefined || words.length !== 4) return wrong(text, SETTINGS)
  return { kind: 'set', name: sayable, value: null }
}

function oneRequest(id: string, { text, show }: { text: string; show: boolean }): OwnStatement {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) return wrong(text, 'this is not the id of a request')
  return { kind: 'requests', id, show }
}

function startsWith(words: readonly string[], head: string): boolean {
  return `${words.join(' ')} `.startsWith(`${head} `)
}

function wrong(text: string, why: string): OwnStatement {
  return { kind: 'wrong', text, error: new ProxyError('FEATURE_REFUSED', why) }
}

/**
 * Words, strings without escapes, and marks; blanks and plain comments don't count. An executable
 * comment of MySQL is a mark, and so are quotes of any other kind: nothing of ours has them.
 */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const next =
    /\s+|--[^\n]*|\/\*(?!M?!)(?:[^*]|\*(?!\/))*\*\/|'((?:[^'\\]|'')*)'|"([a-z_]+)"|`([a-z_]+)`|([\w$\u0080-\uffff]+)|(:=|[\s\S])/giy
  for (let found = next.exec(text); found; found = next.exec(text)) {
    const [, string, quoted, ticked, word, mark] = found
    if (string !== undefined) tokens.push({ kind: 'string', text: string.replaceAll("''", "'") })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (quoted ?? ticked) tokens.push({ kind: 'word', text: (quoted ?? ticked) as string })
    else if (mark !== undefined) tokens.push({ kind: 'mark', text: mark })
  }
  return tokens
}
