import type { FromClauses, TableRef } from './from-clauses.ts'
import { isCarrier } from './functions.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/** One SELECT, VALUES or TABLE of a statement; the first is the statement itself. */
export interface QueryBlock {
  /** The block whose names it sees too. */
  readonly parent: QueryBlock | null
  /** The clause that chooses by the rows of this query; null where they are only shown or counted. */
  readonly outer: string | null
  readonly refs: TableRef[]
  /** A query or a function stands in its FROM. */
  open: boolean
  distinct: boolean
  /** What its select list holds: from a token to another. */
  readonly items: (readonly [from: number, to: number])[]
  /** The queries that a set operator puts together have one of these. */
  readonly set: { compares: Token | null }
  /** The block of which it is one of the queries in parentheses. */
  readonly branchOf: QueryBlock | null
}

export interface QueryBlocks {
  /** By the index of each token: where it stands. */
  readonly blocks: readonly QueryBlock[]
  readonly clauses: readonly (string | null)[]
}

/** Clauses that sort, choose or join rows. */
const CHOOSING = new Set(
  'WHERE ON USING HAVING GROUP ORDER PARTITION WINDOW LIMIT QUALIFY'.split(' '),
)
/** Words with which another part of a query begins. */
const OTHER_PARTS = new Set(['FROM', 'SET', 'INTO', 'RETURNING', 'VALUES'])
const SET_OPERATORS = new Set(['UNION', 'EXCEPT', 'INTERSECT'])
const QUERY_WORDS = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE'])
const BEFORE_BRANCH = new Set([...SET_OPERATORS, 'ALL', 'DISTINCT', 'AS', 'WITH'])
const SELECT_OPTIONS = new Set(
  `ALL DISTINCT DISTINCTROW HIGH_PRIORITY STRAIGHT_JOIN SQL_SMALL_RESULT SQL_BIG_RESULT SQL_BUFFER_RESULT
   SQL_CALC_FOUND_ROWS SQL_NO_CACHE SQL_CACHE`
    .trim()
    .split(/\s+/),
)

interface Frame {
  block: QueryBlock
  clause: string | null
  /** A query stands in it, and not an expression or joined tables. */
  readonly query: boolean
  /** Where the item of a select list at hand begins; -1 where there is none. */
  item: number
}

/** Cuts a statement into its queries and their clauses. */
export function queryBlocks(tokens: readonly Token[], from: FromClauses): QueryBlocks {
  return new Cutter(tokens).run(from)
}

class Cutter {
  readonly #tokens: readonly Token[]
  readonly #blocks: QueryBlock[] = []
  readonly #clauses: (string | null)[] = []
  readonly #frames: Frame[]

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
    this.#frames = [{ block: newBlock(null, null, null), clause: null, query: true, item: -1 }]
  }

  run(from: FromClauses): QueryBlocks {
    for (const [at, token] of this.#tokens.entries()) {
      if (isOp(token, ')')) this.#close(at)
      else if (this.#frame.query) this.#word(token, at)
      else this.#wordWithin(token, at)
      this.#blocks.push(this.#frame.block)
      this.#clauses.push(this.#frame.clause)
      if (isOp(token, '(')) this.#open(at)
    }
    for (const frame of this.#frames) endItem(frame, this.#tokens.length)
    for (const ref of from.refs) this.#blocks[ref.at]?.refs.push(ref)
    return { blocks: this.#blocks, clauses: this.#clauses }
  }

  get #frame(): Frame {
    return this.#frames.at(-1) as Frame
  }

  #open(at: number): void {
    const frame = this.#frame
    const before = this.#tokens[at - 1]
    if (!this.#opensQuery(at)) {
      if (frame.clause === 'FROM' && isName(before)) frame.block.open = true
      const carrier = isName(before) && isCarrier(nameOf(before))
      const clause = carrier ? `${nameOf(before).toUpperCase()}()` : frame.clause
      this.#frames.push({ block: frame.block, clause, query: false, item: -1 })
      return
    }
    const inFrom = frame.clause === 'FROM'
    if (inFrom) frame.block.open = true
    const outer = inFrom || before?.keyword === 'EXISTS' ? null : this.#chosen(frame)
    const branch = before === undefined || isOp(before, '(') || BEFORE_BRANCH.has(before.keyword)
    const block = newBlock(frame.block, outer, branch ? frame.block : null)
    this.#frames.push({ block, clause: frame.clause, query: true, item: -1 })
  }

  #chosen({ clause, block }: Frame): string | null {
    return clause === 'SELECT' ? block.outer : isChoosing(clause) ? clause : null
  }

  /** Whether a query begins behind the parenthesis at an index, or behind more of them. */
  #opensQuery(at: number): boolean {
    let next = at + 1
    while (isOp(this.#tokens[next], '(')) next++
    return QUERY_WORDS.has(this.#tokens[next]?.keyword ?? '')
  }

  #close(at: number): void {
    if (this.#frames.length < 2) return
    const closed = this.#frames.pop() as Frame
    endItem(closed, at)
  }

  #word(token: Token, at: number): void {
    const frame = this.#frame
    const word = token.keyword
    if (word === 'SELECT' || (word === 'TABLE' && frame.clause !== 'FROM')) {
      endItem(frame, at)
      frame.clause = 'SELECT'
      frame.item = this.#firstItem(frame, at)
    } else if (SET_OPERATORS.has(word)) this.#combine(token, at)
    else if (CHOOSING.has(word)) {
      // A partition or an index of a table is named between FROM and WHERE.
      const names = word === 'PARTITION' && frame.clause === 'FROM'
      const adds = word === 'ON' && this.#tokens[at + 1]?.keyword === 'DUPLICATE'
      const hint = this.#tokens[at - 1]?.keyword === 'FOR'
      if (!names && !hint) this.#turn(at, adds ? null : word)
    } else if (word === 'JOIN' || word === 'STRAIGHT_JOIN') {
      if (frame.clause !== 'SELECT') this.#turn(at, 'FROM')
    } else if (OTHER_PARTS.has(word)) this.#turn(at, word === 'FROM' ? 'FROM' : null)
    else if (word === 'FOR' && this.#tokens[at + 1]?.keyword === 'UPDATE') this.#turn(at, null)
    else if (isOp(token, ',') && frame.item >= 0) {
      endItem(frame, at)
      frame.item = at + 1
    }
  }

  /** Joined tables, arguments, a window: a FROM in them is none of a query. */
  #wordWithin({ keyword }: Token, at: number): void {
    const frame = this.#frame
    if (CHOOSING.has(keyword)) frame.clause = keyword
    else if (keyword !== 'JOIN' && keyword !== 'STRAIGHT_JOIN') return
    else if (this.#clauses[at - 1] !== 'SELECT') frame.clause = 'FROM'
  }

  #turn(at: number, clause: string | null): void {
    endItem(this.#frame, at)
    this.#frame.clause = clause
  }

  #firstItem({ block }: Frame, at: number): number {
    let next = at + 1
    for (; SELECT_OPTIONS.has(this.#tokens[next]?.keyword ?? ''); next++) {
      if (this.#tokens[next]?.keyword.startsWith('DISTINCT')) block.distinct = true
    }
    return next
  }

  /** The next query of a set; only UNION ALL neither compares rows nor drops any. */
  #combine(token: Token, at: number): void {
    const frame = this.#frame
    this.#turn(at, null)
    const { parent, outer, set, branchOf } = frame.block
    const all = token.keyword === 'UNION' && this.#tokens[at + 1]?.keyword === 'ALL'
    if (!all) set.compares ??= token
    frame.block = { ...newBlock(parent, outer, branchOf), set }
  }
}

function newBlock(
  parent: QueryBlock | null,
  outer: string | null,
  branchOf: QueryBlock | null,
): QueryBlock {
  return {
    parent,
    outer,
    refs: [],
    open: false,
    distinct: false,
    items: [],
    set: { compares: null },
    branchOf,
  }
}

function endItem(frame: Frame, at: number): void {
  if (frame.item >= 0) frame.block.items.push([frame.item, at])
  frame.item = -1
}

/** Whether rows are chosen, joined or sorted by what stands in a clause, or something waits by it. */
export function isChoosing(clause: string | null): boolean {
  return clause !== null && (CHOOSING.has(clause) || clause.endsWith('()'))
}

/** What compares the rows of a query with those of another; null where nothing does. */
export function comparesRows(block: QueryBlock): Token | null {
  for (let own: QueryBlock | null = block; own; own = own.branchOf) {
    if (own.set.compares) return own.set.compares
  }
  return null
}
