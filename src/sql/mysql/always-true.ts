import { isName, isOp, type Token } from './token.ts'

/**
 * Whether a condition holds for every row, as far as its tokens tell: it looks at no row, compares
 * something with itself, or is an OR of which a part is so. A parameter may be given so that it
 * selects, so it counts as a look.
 */
export function isAlwaysTrue(tokens: readonly Token[]): boolean {
  const inner = withoutParens(tokens)
  const either = parts(inner, isOr)
  if (either.length > 1) return either.some(isAlwaysTrue) || coversEverything(either)
  const both = parts(inner, isAnd)
  if (both.length > 1) return both.every(isAlwaysTrue)
  if (isFalse(inner)) return false
  return !looksAtRows(inner) || comparesWithItself(inner) || likesEverything(inner)
}

function isOr(token: Token): boolean {
  return token.keyword === 'OR' || isOp(token, '||') || token.keyword === 'XOR'
}

function isAnd(token: Token): boolean {
  return token.keyword === 'AND' || isOp(token, '&&')
}

/** Cuts where `cuts` says, outside parentheses; the AND of a BETWEEN is none. */
function parts(
  tokens: readonly Token[],
  cuts: (token: Token) => boolean,
): readonly (readonly Token[])[] {
  const found: Token[][] = [[]]
  let depth = 0
  let between = 0
  for (const token of tokens) {
    if (isOp(token, '(') || token.keyword === 'CASE') depth++
    if (isOp(token, ')') || token.keyword === 'END') depth--
    if (depth === 0 && token.keyword === 'BETWEEN') between++
    if (depth === 0 && cuts(token)) {
      if (between > 0 && token.keyword === 'AND') between--
      else {
        found.push([])
        continue
      }
    }
    found.at(-1)?.push(token)
  }
  return found
}

function withoutParens(tokens: readonly Token[]): readonly Token[] {
  let inner = tokens
  while (isOp(inner[0], '(') && closesLast(inner)) inner = inner.slice(1, -1)
  return inner
}

function closesLast(tokens: readonly Token[]): boolean {
  let depth = 0
  for (const [at, token] of tokens.entries()) {
    if (isOp(token, '(')) depth++
    if (isOp(token, ')') && --depth === 0) return at === tokens.length - 1
  }
  return false
}

/** 0, FALSE and NULL choose no row at all. */
function isFalse(tokens: readonly Token[]): boolean {
  const [only, ...others] = tokens
  if (!only || others.length > 0) return false
  if (only.kind === 'number') return Number(only.text) === 0
  return only.keyword === 'FALSE' || only.keyword === 'NULL'
}

const NO_COLUMN = new Set(
  `AND AS BETWEEN BINARY CASE COLLATE CURRENT_DATE CURRENT_ROLE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
   DIV ELSE END ESCAPE EXISTS FALSE IN INTERVAL IS LIKE LOCALTIME LOCALTIMESTAMP MOD NOT NULL OR REGEXP
   RLIKE SELECT THEN TRUE UNKNOWN UTC_DATE UTC_TIME UTC_TIMESTAMP USING WHEN XOR`
    .trim()
    .split(/\s+/),
)

/** A user variable is no row: what an earlier statement has put there chooses all or none. */
function looksAtRows(tokens: readonly Token[]): boolean {
  return tokens.some((token, at) => {
    if (token.kind === 'param' || token.keyword === 'FROM') return true
    if (!isName(token) || NO_COLUMN.has(token.keyword)) return false
    return !isOtherName(tokens, at)
  })
}

/** A function, a type, a character set, a unit of time, a system variable, the kind of a literal. */
function isOtherName(tokens: readonly Token[], at: number): boolean {
  const next = tokens[at + 1]
  if (isOp(next, '(') || next?.kind === 'string') return true
  const before = tokens[at - 1]
  if (before?.keyword === 'AS' || before?.keyword === 'USING' || isOp(before, '@@')) return true
  if (isOp(before, '.') && isOp(tokens[at - 3], '@@')) return true
  return tokens[at - 2]?.keyword === 'INTERVAL'
}

const COMPARISONS = new Set(['=', '<=>', '<=', '>='])

/** A longer comparison is not one that a person writes to hide something simple. */
const MAX_COMPARED = 100

function comparesWithItself(tokens: readonly Token[]): boolean {
  if (tokens.length > MAX_COMPARED) return false
  return tokens.some((token, at) => {
    const compares =
      (token.kind === 'op' && COMPARISONS.has(token.text)) || token.keyword === 'LIKE'
    return compares && alike(tokens.slice(0, at), tokens.slice(at + 1))
  })
}

function alike(left: readonly Token[], right: readonly Token[]): boolean {
  const said = (tokens: readonly Token[]) =>
    withoutParens(tokens)
      .map(({ kind, text }) => (kind === 'quoted' ? 'word' : kind) + text.toLowerCase())
      .join(' ')
  return said(left) === said(right)
}

/** x LIKE '%' */
function likesEverything(tokens: readonly Token[]): boolean {
  const last = tokens.at(-1)
  const negated = tokens.some(({ keyword }) => keyword === 'NOT')
  return (
    tokens.at(-2)?.keyword === 'LIKE' &&
    last?.kind === 'string' &&
    !negated &&
    last.end - last.start === 3
  )
}

/** x IS NULL OR x IS NOT NULL */
function coversEverything(either: readonly (readonly Token[])[]): boolean {
  const tests = either.slice(0, MAX_COMPARED).map((part) => {
    const inner = withoutParens(part)
    const negated = inner.at(-2)?.keyword === 'NOT'
    if (inner.at(-1)?.keyword !== 'NULL' || inner.at(negated ? -3 : -2)?.keyword !== 'IS')
      return null
    return { negated, what: inner.slice(0, negated ? -3 : -2) }
  })
  return tests.some((one) =>
    tests.some(
      (other) => one && other && one.negated && !other.negated && alike(one.what, other.what),
    ),
  )
}
