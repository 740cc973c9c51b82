import type { Analysis } from './analysis.ts'
import { ClassifiedNames } from './classified-names.ts'
import { ColumnMeaning } from './column-meaning.ts'
import { equalityAt, lookupsOf, type NamedColumn, tellsEqualityOnly } from './equality.ts'
import { failureIn } from './failures.ts'
import type { FromClauses } from './from-clauses.ts'
import { isCarrier } from './functions.ts'
import {
  comparesRows,
  isChoosing,
  type QueryBlock,
  type QueryBlocks,
  queryBlocks,
} from './query-blocks.ts'
import type { StatementText } from './statement-text.ts'
import { takesEverything } from './tables.ts'
import { isName, isOp, isStar, nameOf, type Token } from './token.ts'

/**
 * Notes where the value of a classified column could be guessed: in a condition other than IS NULL
 * or equality with constants, in an order, a group or a join, in what compares whole rows, in what
 * fails or waits, and in a variable.
 */
export function checkProbes(analysis: Analysis, text: StatementText, from: FromClauses): void {
  if (analysis.findings.known.some(({ classified }) => classified)) {
    new ProbeCheck(analysis, text, from).run()
  }
}

class ProbeCheck {
  readonly #analysis: Analysis
  readonly #text: StatementText
  readonly #tokens: readonly Token[]
  readonly #places: QueryBlocks
  readonly #meaning: ColumnMeaning
  readonly #names: ClassifiedNames
  /** By index: whether the token may name a classified value. */
  readonly #classified: readonly boolean[]
  readonly #named: boolean

  constructor(analysis: Analysis, text: StatementText, from: FromClauses) {
    this.#analysis = analysis
    this.#text = text
    this.#tokens = text.tokens
    this.#places = queryBlocks(text.tokens, from)
    this.#meaning = new ColumnMeaning(analysis, text.tokens, this.#places)
    this.#names = new ClassifiedNames(analysis, text.tokens, this.#places, this.#meaning)
    this.#classified = text.tokens.map((_token, at) => this.#names.has(at))
    this.#named = takesEverything(text) || this.#classified.includes(true)
  }

  run(): void {
    if (!this.#named) return
    this.#analysis.findings.bringsOut ||= this.#tokens.some((_token, at) => this.#bringsOut(at))
    for (const at of this.#tokens.keys()) this.#token(at)
    for (const block of new Set(this.#places.blocks)) this.#block(block)
    this.#checkKept()
    this.#checkCarriers()
  }

  #token(at: number): void {
    const token = this.#tokens[at] as Token
    const block = this.#places.blocks[at] as QueryBlock
    const clause = this.#places.clauses[at] ?? null
    if (token.keyword === 'NATURAL') {
      const reason = 'joins tables with classified columns by what they have in common'
      this.#probe(reason, token)
    } else if (isChoosing(clause)) {
      if (this.#classified[at]) this.#chosenBy(at, clause as string)
      else if (this.#isOrdinal(at, clause, block)) {
        const reason = `${clause} BY a column of a classified table by its number`
        this.#probe(reason, token)
      }
    } else if (token.keyword === 'DISTINCT' && block.open && this.#classified[at + 1]) {
      // Rows of the agent's own may stand beside the others there.
      this.#probe('DISTINCT tells which classified values are alike', token)
    } else if (clause === 'SELECT' && block.outer !== null) {
      if (this.#bringsOut(at)) this.#note(at, block.outer)
    }
  }

  /** Whether the rows of its query hold a classified value by the token at an index. */
  #bringsOut(at: number): boolean {
    if (this.#places.clauses[at] !== 'SELECT') return false
    if (this.#classified[at]) return true
    const all = isStar(this.#tokens, at) || this.#tokens[at]?.keyword === 'TABLE'
    return all && this.#meaning.hasClassified(this.#places.blocks[at] as QueryBlock)
  }

  #chosenBy(at: number, clause: string): void {
    const { findings, within } = this.#analysis
    const token = this.#tokens[at] as Token
    const constants = equalityAt(this.#analysis, this.#text, at, clause)
    const columns = this.#columnsCalled(nameOf(token).toLowerCase())
    if (!constants) this.#note(at, clause)
    else if (!tellsEqualityOnly(columns, constants)) {
      this.#probe(`${nameOf(token)} holds text and is compared with a number`, token)
    } else if (within.length === 0) {
      findings.lookFor(lookupsOf(token, columns, this.#classes(), constants), token)
    }
  }

  #columnsCalled(name: string): readonly NamedColumn[] {
    const { known } = this.#analysis.findings
    return [...new Set(known)].flatMap((table) =>
      table.columns
        .filter((own) => own.name.toLowerCase() === name && (own.dataClass !== null || own.derived))
        .map((own) => ({ ...own, label: `${table.schema}.${table.name}.${own.name}` })),
    )
  }

  #classes(): readonly string[] {
    const { known } = this.#analysis.findings
    return [
      ...new Set(known.flatMap(({ columns }) => columns.flatMap((one) => one.dataClass ?? []))),
    ]
  }

  #note(at: number, clause: string): void {
    const token = this.#tokens[at] as Token
    const sorts = clause === 'ORDER' || clause === 'GROUP' || clause === 'PARTITION'
    const name = isName(token) ? nameOf(token) : 'a classified column'
    const where = sorts ? `${clause} BY` : clause
    this.#probe(`${name} is used in ${where}, which can be used to guess its values`, token)
  }

  #probe(reason: string, token: Token): void {
    this.#analysis.findings.effect('probe', reason, token)
  }

  /** ORDER BY 2, where the second column is, or may be, a classified one. */
  #isOrdinal(at: number, clause: string | null, block: QueryBlock): boolean {
    const token = this.#tokens[at]
    const before = this.#tokens[at - 1]
    if ((clause !== 'ORDER' && clause !== 'GROUP') || token?.kind !== 'number') return false
    if (before?.keyword !== 'BY' && !isOp(before, ',')) return false
    const item = block.items[Number(token.text) - 1]
    const plain = comparesRows(block) === null && block.items.every((one) => !this.#takesAll(one))
    return item === undefined || !plain || block.branchOf !== null || this.#isClassified(item)
  }

  #takesAll([, to]: QueryBlock['items'][number]): boolean {
    return isStar(this.#tokens, to - 1)
  }

  /** Whether a value of it is computed from a classified one; what chooses rows is looked at elsewhere. */
  #isClassified([from, to]: QueryBlock['items'][number]): boolean {
    for (let at = from; at < to; at++) {
      if (this.#classified[at] && !isChoosing(this.#places.clauses[at] ?? null)) return true
    }
    return false
  }

  #block(block: QueryBlock): void {
    const items = block.items.filter((item) => this.#isClassified(item))
    const compares = comparesRows(block)
    const all =
      block.items.some((item) => this.#takesAll(item)) && this.#meaning.hasClassified(block)
    if (compares && (items.length > 0 || all)) {
      this.#probe(`${compares.keyword} compares classified values with other rows`, compares)
    }
    const [first] = items
    if (block.distinct && first) {
      this.#probe(
        'DISTINCT tells which classified values are alike',
        this.#tokens[first[0]] as Token,
      )
    }
    for (const [from, to] of items) {
      const token = failureIn(this.#tokens, from, to)
      if (token) this.#probe('whether it fails or warns tells about a classified value', token)
    }
  }

  /** A classified value in a variable can be looked at from any later statement. */
  #checkKept(): void {
    let into = false
    const kept = this.#tokens.find((token, at) => {
      if (token.kind === 'variable' && (into || isOp(this.#tokens[at + 1], ':='))) return true
      into = token.keyword === 'INTO' || (into && isOp(token, ','))
      return false
    })
    if (!kept) return
    this.#probe('keeps a classified value in a user variable', kept)
    this.#analysis.findings.keeps = true
  }

  /** What waits, locks or keeps its arguments. */
  #checkCarriers(): void {
    const carrier = this.#tokens.find(
      (token, at) => isName(token) && isCarrier(nameOf(token)) && isOp(this.#tokens[at + 1], '('),
    )
    if (!carrier) return
    const name = `${nameOf(carrier).toUpperCase()}()`
    const reason = `a classified column is used in a statement with ${name}, which can be used to guess its values`
    this.#probe(reason, carrier)
  }
}
