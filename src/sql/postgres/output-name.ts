import { type Body, bodyOf, listOf, namesOf, nodeOf } from './ast.ts'

/** How much the server prefers a name over a cast's or a CASE's own. */
interface Guess {
  /** Null where the server's rule isn't followed here: the name can be anything. */
  readonly name: string | null
  readonly strength: 0 | 1 | 2
}

const ANYTHING: Guess = { name: null, strength: 2 }
const NONE: Guess = { name: '?column?', strength: 0 }

/** Kinds that the server gives no name of their own. */
const NAMELESS = new Set(['A_Const', 'ParamRef', 'BoolExpr', 'NullTest', 'BooleanTest'])

const FIXED: Readonly<Record<string, string>> = {
  CoalesceExpr: 'coalesce',
  RowExpr: 'row',
  A_ArrayExpr: 'array',
  GroupingFunc: 'grouping',
}

/**
 * The name that the server gives an output which has none of its own (FigureColname of
 * parse_target.c), or null where it can be anything: a wrong guess would let a name lead past it.
 */
export function outputName(value: unknown): string | null {
  return guess(value).name
}

function guess(value: unknown): Guess {
  const node = nodeOf(value)
  if (!node) return NONE
  const { kind, body } = node
  const fixed = FIXED[kind]
  if (fixed !== undefined) return { name: fixed, strength: 2 }
  if (NAMELESS.has(kind)) return NONE
  switch (kind) {
    case 'ColumnRef':
      return named(namesOf(body.fields))
    case 'FuncCall':
      return named(namesOf(body.funcname))
    case 'A_Indirection': {
      const names = namesOf(body.indirection)
      return names.length > 0 ? named(names) : guess(body.arg)
    }
    case 'A_Expr':
      return body.kind === 'AEXPR_NULLIF' ? { name: 'nullif', strength: 2 } : NONE
    case 'TypeCast':
      return castName(body)
    case 'CollateClause':
      return guess(body.arg)
    case 'CaseExpr':
      return preferring(guess(body.defresult), 'case')
    case 'SubLink':
      return subLinkName(body)
    default:
      return ANYTHING
  }
}

function named(names: readonly string[]): Guess {
  const name = names.at(-1)
  return name === undefined ? ANYTHING : { name, strength: 2 }
}

function preferring(inner: Guess, own: string): Guess {
  return inner.strength > 1 ? inner : { name: own, strength: 1 }
}

function castName(body: Body): Guess {
  const type = namesOf(((body.typeName ?? {}) as Body).names).at(-1)
  return type === undefined ? ANYTHING : preferring(guess(body.arg), type)
}

function subLinkName(body: Body): Guess {
  if (body.subLinkType === 'EXISTS_SUBLINK') return { name: 'exists', strength: 2 }
  if (body.subLinkType === 'ARRAY_SUBLINK') return { name: 'array', strength: 2 }
  if (body.subLinkType !== 'EXPR_SUBLINK') return NONE
  const target = bodyOf(listOf(bodyOf(body.subselect, 'SelectStmt')?.targetList)[0], 'ResTarget')
  if (!target) return ANYTHING
  const name = typeof target.name === 'string' ? target.name : guess(target.val).name
  return { name, strength: 2 }
}
