import { childrenOf, listOf, namesOf, nodeOf } from './ast.ts'
import type { ReadStatement } from './read-text.ts'

const HIDDEN = "'***'"
/** What a constant says that holds SQL or a connection string with a password in it. */
const SPEAKS_OF_SECRETS = /passw|passwd|secret|api[_-]?key|token/i
/** Functions that are given connection strings or keys. */
const SECRET_ARGUMENTS = /^(?:dblink|crypt$|pgp_|hmac$|encrypt|decrypt|set_config$)/

/**
 * A statement's text for records. Every string constant of a statement that may carry a password
 * is replaced, and anywhere those that speak of one.
 */
export function redact(read: ReadStatement, secret: boolean): string {
  if (read.strings.length === 0) return read.sql
  const all = secret || callsWithSecrets(read.node)
  const bytes = Buffer.from(read.sql)
  const parts: string[] = []
  let at = 0
  for (let i = 0; i < read.strings.length; i += 2) {
    const [start = 0, end = 0] = read.strings.slice(i, i + 2)
    const text = bytes.toString('utf8', start, end)
    if (!all && !SPEAKS_OF_SECRETS.test(text)) continue
    parts.push(bytes.toString('utf8', at, start), HIDDEN)
    at = end
  }
  parts.push(bytes.toString('utf8', at))
  return parts.join('')
}

function callsWithSecrets(value: unknown): boolean {
  const node = nodeOf(value)
  if (node?.kind === 'FuncCall') {
    const name = namesOf(listOf(node.body.funcname)).at(-1) ?? ''
    if (SECRET_ARGUMENTS.test(name)) return true
  }
  return childrenOf(node ? node.body : value).some(
    (child) => typeof child === 'object' && child !== null && callsWithSecrets(child),
  )
}
