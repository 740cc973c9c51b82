import type { Analysis } from './analysis.ts'
import type { ColumnMeaning } from './column-meaning.ts'
import { isChoosing, type QueryBlocks } from './query-blocks.ts'
import { isName, isOp, isStar, nameOf, type Token } from './token.ts'

/** Words with which another part of a query begins. */
const OTHER_PARTS = new Set(
  'SELECT FROM JOIN UNION SET VALUES INTO RETURNING WHERE GROUP HAVING ORDER LIMIT'.split(' '),
)

/** Rounds over the statement: an alias of an alias of an alias is followed this far. */
const MAX_ROUNDS = 6

/** Names under which a classified value may stand. */
export class ClassifiedNames {
  readonly #tokens: readonly Token[]
  readonly #places: QueryBlocks
  readonly #meaning: ColumnMeaning
  readonly #columns: ReadonlySet<string>
  /** Those that the statement gives to what is computed from a classified column. */
  readonly #given = new Set<string>()

  constructor(
    { findings }: Analysis,
    tokens: readonly Token[],
    places: QueryBlocks,
    meaning: ColumnMeaning,
  ) {
    this.#tokens = tokens
    this.#places = places
    this.#meaning = meaning
    this.#columns = new Set(
      findings.known.flatMap(({ columns }) =>
        columns
          .filter(({ dataClass, derived }) => dataClass !== null || derived)
          .map(({ name }) => name.toLowerCase()),
      ),
    )
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const before = this.#given.size
      this.#addAliases()
      if (this.#given.size === before) break
    }
  }

  /** Whether the token at an index may name a classified value. */
  has(at: number): boolean {
    const token = this.#tokens[at]
    if (!isName(token)) return false
    const name = nameOf(token).toLowerCase()
    if (!this.#columns.has(name) && !this.#given.has(name)) return false
    return !this.#meaning.isFit(at, this.#given)
  }

  /** Adds the alias of each item that holds one of the names, and lists of columns behind a table's. */
  #addAliases(): void {
    const lists: List[] = [newList(0)]
    const say = () => {
      const list = lists.at(-1)
      if (list) list.item = list.any = true
    }
    for (const [at, token] of this.#tokens.entries()) {
      const list = lists.at(-1) as List
      if (isOp(token, '(')) lists.push(newList(at))
      else if (isOp(token, ')')) {
        if (lists.length === 1) continue
        lists.pop()
        if (!list.any) continue
        if (list.combined) this.#addItems(list.from, at)
        say()
        this.#addColumnList(at + 1)
        this.#addCommonColumns(list.from)
        this.#addTableColumns(list.from, at)
      } else if (isOp(token, ',') || OTHER_PARTS.has(token.keyword)) {
        list.item = false
        list.combined ||= token.keyword === 'UNION'
      } else if (COMBINING.has(token.keyword)) list.combined = true
      else if (this.#comesOut(at)) say()
      else if (isName(token) && list.item && this.#givesName(at)) this.#give(at)
    }
    const [top] = lists
    if (top?.any && top.combined) this.#addItems(0, this.#tokens.length)
  }

  /** Whether the token is a classified value that the rows of its query hold; `*` and TABLE t may be. */
  #comesOut(at: number): boolean {
    const { blocks, clauses } = this.#places
    const token = this.#tokens[at]
    const block = blocks[at]
    if (isChoosing(clauses[at] ?? null)) return false
    if (this.has(at)) return true
    const takesAll =
      token?.keyword === 'TABLE' || (clauses[at] === 'SELECT' && isStar(this.#tokens, at))
    return takesAll && block !== undefined && this.#meaning.hasClassified(block)
  }

  #give(at: number): void {
    const token = this.#tokens[at]
    if (isName(token)) this.#given.add(nameOf(token).toLowerCase())
  }

  /** Every name that an item of a list of columns ends with. */
  #addItems(from: number, to: number): void {
    for (let at = from; at < to; at++) {
      const token = this.#tokens[at]
      if (!isName(token) || NO_NAME.has(token.keyword) || OTHER_PARTS.has(token.keyword)) continue
      const next = this.#tokens[at + 1]
      const ends = isOp(next, ',') || isOp(next, ')') || next?.keyword === 'FROM'
      if (ends || next?.keyword === 'UNION' || COMBINING.has(next?.keyword ?? '')) this.#give(at)
    }
  }

  /** x AS name, or x name in front of a comma, FROM or the end. */
  #givesName(at: number): boolean {
    const { clauses } = this.#places
    const [before, token, next] = this.#tokens.slice(at - 1, at + 2)
    if (clauses[at] !== 'SELECT' && clauses[at] !== null) return false
    if (isOp(before, '.') || isOp(next, '.') || isOp(next, '(')) return false
    if (before?.keyword === 'AS') return true
    if (NO_NAME.has(token?.keyword ?? '')) return false
    const ends = next === undefined || isOp(next, ',') || isOp(next, ')') || next.keyword === 'FROM'
    const value = isName(before) || isOp(before, ')') || before?.kind === 'string'
    return ends && value
  }

  /** (SELECT email ...) AS x (a, b): any of the columns may hold it. */
  #addColumnList(from: number): void {
    const at = this.#tokens[from]?.keyword === 'AS' ? from + 1 : from
    if (isName(this.#tokens[at]) && isOp(this.#tokens[at + 1], '(')) this.#addNames(at + 2)
  }

  /** WITH x (a, b) AS (SELECT email ...): alike. */
  #addCommonColumns(open: number): void {
    if (this.#tokens[open - 1]?.keyword !== 'AS' || !isOp(this.#tokens[open - 2], ')')) return
    let at = open - 3
    while (isName(this.#tokens[at]) || isOp(this.#tokens[at], ',')) at--
    if (isOp(this.#tokens[at], '(')) this.#addNames(at + 1)
  }

  #addNames(from: number): void {
    for (let at = from; isName(this.#tokens[at]); at += 2) this.#give(at)
  }

  /** JSON_TABLE(document, path COLUMNS (name type ...)) AS x */
  #addTableColumns(open: number, close: number): void {
    if (this.#tokens[open - 1]?.keyword !== 'JSON_TABLE') return
    for (let at = open; at < close; at++) {
      const before = this.#tokens[at - 1]
      if (isOp(before, '(') || isOp(before, ',')) this.#give(at)
    }
  }
}

const NO_NAME = new Set(['END', 'NULL', 'ASC', 'DESC', 'TRUE', 'FALSE', 'UNKNOWN'])

/** What is known of the text between two parentheses. */
interface List {
  readonly from: number
  /** The item at hand holds one of the names. */
  item: boolean
  /** One of its items does. */
  any: boolean
  /** Rows of several queries stand in it, each column under the name that the first query gives. */
  combined: boolean
}

function newList(from: number): List {
  return { from, item: false, any: false, combined: false }
}

const COMBINING = new Set(['EXCEPT', 'INTERSECT'])
