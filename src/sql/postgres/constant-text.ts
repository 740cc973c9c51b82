import { bodyOf, listOf, literalOf, namesOf, nodeOf } from './ast.ts'

/** The text that SELECT of one expression gives where it is made of constants alone; else null. */
export function constantText(select: unknown): string | null {
  const targets = listOf(bodyOf(select, 'SelectStmt')?.targetList)
  const target = bodyOf(targets[0], 'ResTarget')
  return targets.length === 1 && target ? textOfValue(target.val) : null
}

/** Constants, || of them, and format() of them with %s. */
function textOfValue(value: unknown): string | null {
  const node = nodeOf(value)
  if (node?.kind === 'A_Const') return literalOf(value) ?? null
  if (node?.kind === 'TypeCast')
    return isText(node.body.typeName) ? textOfValue(node.body.arg) : null
  if (node?.kind === 'A_Expr') return joined(node.body)
  if (node?.kind === 'FuncCall') return formatted(node.body)
  return null
}

function isText(type: unknown): boolean {
  const name = namesOf((type as { names?: unknown } | undefined)?.names).at(-1)
  return name === 'text'
}

function joined(body: { readonly [field: string]: unknown }): string | null {
  const name = namesOf(body.name)
  if (body.kind !== 'AEXPR_OP' || name.length !== 1 || name[0] !== '||') return null
  const left = textOfValue(body.lexpr)
  const right = textOfValue(body.rexpr)
  return left === null || right === null ? null : left + right
}

/** %% and %s only: how %I and %L quote depends on the value. */
function formatted(body: { readonly [field: string]: unknown }): string | null {
  const name = namesOf(body.funcname)
  if (name.at(-1) !== 'format' || (name.length > 1 && name[0] !== 'pg_catalog')) return null
  const [format, ...values] = listOf(body.args).map(textOfValue)
  if (typeof format !== 'string' || body.func_variadic) return null
  let used = 0
  let known = true
  const text = format.replace(/%(.?)/g, (_all, letter: string) => {
    if (letter === '%') return '%'
    const value = letter === 's' ? values[used++] : null
    known &&= typeof value === 'string'
    return value ?? ''
  })
  return known ? text : null
}
