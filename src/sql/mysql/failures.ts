import { isOp, type Token } from './token.ts'

/*
 * What fails for some values and not for others, or warns: in a select list, whose results are
 * masked, that alone would tell about the value.
 */

/** Functions that refuse some texts or numbers. */
const STRICT =
  /^(?:EXP|POW|POWER|EXTRACTVALUE|UPDATEXML|XMLTYPE|UUID_TO_BIN|BIN_TO_UUID|REGEXP_\w+|STATEMENT_DIGEST\w*|ST_\w+|\w*FROMTEXT|\w*FROMWKB|STRING_TO_VECTOR|VEC_\w+|GTID_\w+|STR_TO_DATE|INET_ATON|INET6_ATON|UNCOMPRESS\w*|FROM_UNIXTIME|COT|LN|LOG|LOG2|LOG10|SQRT)$/
/** Casts to them lose or refuse nothing. */
const LOOSE_TYPES = new Set(['CHAR', 'NCHAR', 'BINARY', 'CHARACTER', 'VARCHAR'])
const TESTS = new Set(
  'CASE IF ELT IFNULL NULLIF COALESCE LIKE REGEXP RLIKE IN BETWEEN IS AND OR NOT XOR FIELD STRCMP INSTR LOCATE'.split(
    ' ',
  ),
)
const TEST_OPERATORS = new Set(['=', '<=>', '<>', '!=', '<', '>', '<=', '>=', '&&', '||', '!'])
const DIVIDES = new Set(['/', '%'])
const COUNTS = new Set(['+', '-', '*', '/', '%', '<<', '~'])

/**
 * Whether what is computed from a classified value may fail or warn by it: a function that refuses
 * some, a division by what isn't constant, a cast, or a test whose outcome is counted with or chooses
 * whether something fails. Returns the token that says so.
 */
export function failureIn(tokens: readonly Token[], from: number, to: number): Token | null {
  let test: Token | null = null
  let counts: Token | null = null
  for (let at = from; at < to; at++) {
    const token = tokens[at] as Token
    const word = token.keyword
    const next = tokens[at + 1]
    if (STRICT.test(word) && isOp(next, '(')) return token
    if (isCast(tokens, at)) return token
    if ((DIVIDES.has(token.text) && token.kind === 'op') || word === 'DIV' || word === 'MOD') {
      if (next?.kind !== 'number' && !isOp(next, '(')) return token
      if (isOp(next, '(') && tokens[at + 2]?.kind !== 'number') return token
    }
    const isTest = TESTS.has(word) || (token.kind === 'op' && TEST_OPERATORS.has(token.text))
    if (isTest) test ??= token
    const isCount = token.kind === 'op' && COUNTS.has(token.text) && !isStar(tokens, at)
    const isQuery = word === 'SELECT' && at > from
    if (isCount || isQuery || word.startsWith('JSON_')) counts ??= token
  }
  return test && counts
}

/** COUNT(*) and t.* */
function isStar(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]
  return isOp(tokens[at], '*') && (isOp(before, '(') || isOp(before, '.'))
}

/** CAST(x AS type), CONVERT(x, type): to a type that can't hold every value. */
function isCast(tokens: readonly Token[], at: number): boolean {
  const word = tokens[at]?.keyword
  if ((word !== 'CAST' && word !== 'CONVERT') || !isOp(tokens[at + 1], '(')) return false
  let depth = 0
  for (let end = at + 1; end < tokens.length; end++) {
    if (isOp(tokens[end], '(')) depth++
    else if (isOp(tokens[end], ')') && --depth === 0) return false
    const type = tokens[end + 1]?.keyword ?? ''
    const said = word === 'CAST' ? tokens[end]?.keyword === 'AS' : isOp(tokens[end], ',')
    if (depth === 1 && said) return !LOOSE_TYPES.has(type)
  }
  return false
}
