import type { Impact } from '../../approval/request.ts'
import type { Clock } from '../../lib/clock.ts'
import { deferred } from '../../lib/deferred.ts'
import type { RowsTouched } from '../../sql/rows-touched.ts'
import type { TableUse } from '../../sql/statement.ts'
import type { Exchange } from '../exchange.ts'
import type { ValueTypes } from '../services.ts'
import { runsNoCode } from './plannable.ts'

export const NOT_COUNTED: Impact = { rows: null, columns: [], sample: [] }
/** How many rows a person is shown, and how much of each. */
export const SAMPLE_ROWS = 3
export const SAMPLE_COLUMNS = 8
export const SAMPLE_LENGTH = 60
/** Milliseconds for the count and for the rows, together within two seconds. */
export const COUNT_MS = 1_500
export const SAMPLE_MS = 400
const PATIENCE_MS = 2_000

const COUNTED = new Set(['UPDATE', 'DELETE'])
/** Bytes of a parameter that is taken along. */
const LONGEST_VALUE = 1_000
/** Values without a text of their own are shown so. */
const HEXADECIMAL = /^(?:\\x|0x)/

/** Counts, on a connection of the proxy's own, what a statement touches; rejects where it can't. */
export type CountRows = (exchange: Exchange, table: TableUse) => Promise<Impact>

/** What a statement would change, counted before a person is asked. */
export class Impacts {
  readonly #clock: Clock
  readonly #count: CountRows

  constructor(clock: Clock, count: CountRows) {
    this.#clock = clock
    this.#count = count
  }

  /**
   * Only of a write of one table that runs nobody's code and can be taken back; any other isn't
   * counted, nor one that takes longer than two seconds.
   */
  of(exchange: Exchange): Promise<Impact> {
    const table = onlyTableOf(exchange)
    if (!table || !exchange.countable) return Promise.resolve(NOT_COUNTED)
    const late = deferred<Impact>()
    const cancel = this.#clock.after(PATIENCE_MS, () => late.resolve(NOT_COUNTED))
    const counted = this.#count(exchange, table).catch(() => NOT_COUNTED)
    return Promise.race([counted, late.promise]).finally(cancel)
  }
}

/** Another's name could mean another table on another connection. */
function onlyTableOf(exchange: Exchange): TableUse | null {
  if (!runsNoCode(exchange, COUNTED)) return null
  const [table, ...others] = exchange.statements[0]?.tables ?? []
  if (!table || table.schema === null) return null
  const same = others.every(({ schema, name }) => schema === table.schema && name === table.name)
  return same ? table : null
}

/** The values that the condition takes, as texts; null where one of them has none. */
export function valuesOf(
  { parameters }: Exchange,
  touched: RowsTouched,
  types: ValueTypes,
): readonly (string | null)[] | null {
  const values = touched.parameters.map((number) => {
    const parameter = parameters[number - 1]
    if (!parameter) return undefined
    if (parameter.value === null) return null
    const shown = types.show(parameter).value
    const plain = parameter.value.length <= LONGEST_VALUE && !HEXADECIMAL.test(shown ?? '0x')
    return plain ? shown : undefined
  })
  return values.every((value) => value !== undefined) ? values : null
}
