import { decode, rawOf, type StatementText } from './statement-text.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

const HIDDEN = "'***'"
/** What a constant says that holds SQL or a connection string with a password in it. */
const SPEAKS_OF_SECRETS = /passw|passwd|identified|secret|api[_-]?key|token/i
/** Functions that are given passwords or keys. */
const SECRET_ARGUMENTS =
  /^(?:password|old_password|encrypt|aes_|des_|encode|decode|kdf|asymmetric_)/i

/**
 * A statement's text for records. Every constant of a statement that may carry a password is
 * replaced, and anywhere those that speak of one.
 */
export function redact(text: StatementText, secret: boolean): string {
  const { source, tokens } = text
  const first = tokens[0]
  const last = tokens.at(-1)
  if (!first || !last) return ''
  const all = secret || givesSecrets(tokens)
  let shown = ''
  let at = first.start
  for (const token of tokens) {
    if (!hides(text, token, all)) continue
    shown += source.slice(at, token.start) + HIDDEN
    at = token.end
  }
  return decode(text, shown + source.slice(at, last.end))
}

function hides(text: StatementText, token: Token, all: boolean): boolean {
  if (token.kind === 'skipped') return all || SPEAKS_OF_SECRETS.test(token.text)
  if (token.kind !== 'string' && token.kind !== 'bytes') return false
  return all || SPEAKS_OF_SECRETS.test(rawOf(text, token))
}

/** IDENTIFIED BY, PASSWORD, or a function of passwords, anywhere. */
function givesSecrets(tokens: readonly Token[]): boolean {
  return tokens.some((token, at) => {
    if (token.keyword === 'IDENTIFIED' || token.keyword === 'PASSWORD') return true
    return isName(token) && isOp(tokens[at + 1], '(') && SECRET_ARGUMENTS.test(nameOf(token))
  })
}
