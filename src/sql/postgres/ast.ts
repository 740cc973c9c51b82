/** The fields of a parse tree's node. libpg_query leaves out fields that are zero, false or empty. */
export type Body = { readonly [field: string]: unknown }

/** A node as its kind and its fields. */
export interface Node {
  readonly kind: string
  readonly body: Body
}

export function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** libpg_query wraps a node as {Kind: {fields}}; null for anything else, plain structs included. */
export function nodeOf(value: unknown): Node | null {
  if (!isObject(value)) return null
  const keys = Object.keys(value)
  const kind = keys[0]
  if (keys.length !== 1 || kind === undefined || kind < 'A' || kind >= '[') return null
  const body = value[kind]
  return isObject(body) ? { kind, body } : null
}

/** The fields of `value` where it is a node of this kind. */
export function bodyOf(value: unknown, kind: string): Body | null {
  const node = nodeOf(value)
  return node?.kind === kind ? node.body : null
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The text of a String node, or null. */
export function stringOf(value: unknown): string | null {
  const body = bodyOf(value, 'String')
  return body ? textOf(body.sval) : null
}

/** A dotted name: the String nodes of a list, in order. */
export function namesOf(value: unknown): readonly string[] {
  return listOf(value).flatMap((item) => stringOf(item) ?? [])
}

/** What a literal says: its text, or null for NULL; undefined where `value` is no literal. */
export function literalOf(value: unknown): string | null | undefined {
  const node = nodeOf(value)
  if (node?.kind === 'TypeCast') return literalOf(node.body.arg)
  if (node?.kind !== 'A_Const') return undefined
  const { isnull, sval, ival, fval, boolval, bsval } = node.body
  if (isnull) return null
  if (isObject(sval)) return textOf(sval.sval)
  if (isObject(ival)) return String(ival.ival ?? 0)
  if (isObject(fval)) return textOf(fval.fval)
  if (isObject(boolval)) return String(boolval.boolval ?? false)
  if (isObject(bsval)) return textOf(bsval.bsval)
  return undefined
}

/** Everything directly inside a value, nodes and plain structs alike. */
export function childrenOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return isObject(value) ? Object.values(value) : []
}

/**
 * Where a part of a tree begins: the byte offset in the whole text of the leftmost node that has
 * one. undefined where none has: the grammar writes no place for most statements.
 */
export function placeOf(value: unknown): number | undefined {
  let first: number | undefined
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const part = waiting.pop()
    if (isObject(part) && typeof part.location === 'number' && part.location > 0) {
      if (first === undefined || part.location < first) first = part.location
    }
    for (const child of childrenOf(part)) {
      if (child !== null && typeof child === 'object') waiting.push(child)
    }
  }
  return first
}

/** Whether `test` holds for any node at or below `value`. */
export function anyNode(value: unknown, test: (node: Node) => boolean): boolean {
  const node = nodeOf(value)
  if (node && test(node)) return true
  return childrenOf(value).some((child) => anyNode(child, test))
}
