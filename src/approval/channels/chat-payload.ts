/** What stands at a place of a payload that somebody else has made; undefined where nothing does. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let inner = value
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined
    inner = (inner as Record<string | number, unknown>)[key]
  }
  return inner
}

export function textAt(value: unknown, ...path: readonly (string | number)[]): string | null {
  const found = at(value, ...path)
  return typeof found === 'string' ? found : null
}
