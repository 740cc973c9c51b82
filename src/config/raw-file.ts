/** A part of the file as it is, whatever is wrong with it. */
export type Block = Readonly<Record<string, unknown>>

export function block(value: unknown): Block {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Block)
    : {}
}

export function texts(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value]
  return list.filter((item): item is string => typeof item === 'string')
}

/** The groups that people of the file are in. */
export function groupsOf(file: Block): Set<string> {
  return new Set(Object.values(block(file.people)).flatMap((person) => texts(block(person).groups)))
}
