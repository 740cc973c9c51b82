import type { Analysis } from './analysis.ts'
import type { SchemaColumn, SchemaTable } from './schema.ts'
import { isName, isOp, nameOf, type Token } from './token.ts'

/**
 * SET name = email puts a classified value where it isn't classified. A classified column may be
 * computed from itself; what VALUES() and the alias of new rows stand for the agent has given.
 */
export function checkAssigned(
  { findings, facts }: Analysis,
  values: readonly Token[],
  targets: readonly { readonly schema: string | null; readonly name: string }[],
  given: ReadonlySet<string> = new Set(),
): void {
  const written = targets.map(({ name }) => name.toLowerCase())
  const classified = classifiedIn(findings.known)
  const own = classifiedIn(
    findings.known.filter(({ name }) => written.includes(name.toLowerCase())),
    'everywhere',
  )
  for (const item of items(values)) {
    const equals = item.findIndex((token) => isOp(token, '=') || isOp(token, ':='))
    const target = item[equals - 1]
    const into = isName(target) ? nameOf(target).toLowerCase() : ''
    const used = item.filter((token, at) => {
      if (at < equals || !isName(token)) return false
      const name = nameOf(token).toLowerCase()
      const same = name === into && own.has(into)
      return classified.has(name) && !same && !isGiven(item, at, given)
    })
    const [first] = used
    if (!first) continue
    const tables = targets.map(({ name }) => name).join(', ')
    findings.effect('export', `puts classified values into columns of ${tables}`, first)
    const names = new Set(used.map((token) => nameOf(token).toLowerCase()))
    const classes = classesOf(findings.known, names)
    const column = into === '' ? null : into
    for (const { schema, name } of targets) {
      findings.copies.push({
        ...{ schema: schema ?? facts.database, table: name },
        ...{ column, classes, plain: false },
      })
    }
  }
}

function classesOf(tables: readonly SchemaTable[], names: ReadonlySet<string>): readonly string[] {
  const columns = tables.flatMap((table) => table.columns)
  const used = columns.filter(({ name }) => names.has(name.toLowerCase()))
  return [...new Set(used.flatMap(({ dataClass }) => dataClass ?? []))]
}

/** VALUES(email), VALUE(email), new.email */
function isGiven(tokens: readonly Token[], at: number, given: ReadonlySet<string>): boolean {
  const before = tokens[at - 2]
  if (isOp(tokens[at - 1], '.')) return isName(before) && given.has(nameOf(before).toLowerCase())
  return isOp(tokens[at - 1], '(') && (before?.keyword === 'VALUES' || before?.keyword === 'VALUE')
}

/** Names of classified columns: of any of the tables, or such as are classified in all that have them. */
function classifiedIn(
  tables: readonly SchemaTable[],
  where: 'anywhere' | 'everywhere' = 'anywhere',
): ReadonlySet<string> {
  const names = new Set<string>()
  const columns = tables.flatMap((table) => table.columns)
  const isClassified = (column: SchemaColumn) => column.dataClass !== null || column.derived
  for (const column of columns) if (isClassified(column)) names.add(column.name.toLowerCase())
  if (where === 'anywhere') return names
  for (const column of columns) if (!isClassified(column)) names.delete(column.name.toLowerCase())
  return names
}

/** Cuts at commas outside parentheses. */
function items(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const found: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isOp(token, '(')) depth++
    if (isOp(token, ')')) depth--
    if (depth === 0 && isOp(token, ',')) found.push([])
    else found.at(-1)?.push(token)
  }
  return found
}
