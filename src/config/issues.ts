import type { z } from 'zod'
import { didYouMean, type Path, problem } from './problems.ts'

type Issue = z.core.$ZodIssue

/** A JSON Schema, as far as it is walked here. */
interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>
  readonly additionalProperties?: Shape | boolean
  readonly items?: Shape
  readonly anyOf?: readonly Shape[]
}

/**
 * One sentence for each thing that the schema refuses. Values are never repeated, for they may be
 * secrets; keys are, unless they are long.
 */
export function describeIssues(issues: readonly Issue[], shape: Shape, raw: unknown): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path as Path
    const missing = issue.code === 'invalid_union' && valueAt(raw, path) === undefined
    return missing ? [problem(path, 'is missing')] : describeIssue(issue, path, shape)
  })
}

function valueAt(raw: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, part) => (value as Record<string | number, unknown> | null | undefined)?.[part],
    raw,
  )
}

function describeIssue(issue: Issue, path: Path, shape: Shape): string[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, knownKeys(shape, path)))
    case 'invalid_type':
      return [problem(path, `${received(issue.message)}expected ${expectedName(issue.expected)}`)]
    case 'invalid_key':
      return [problem(path, `the key ${issue.issues[0]?.message ?? 'is not allowed here'}`)]
    case 'invalid_union':
      return describeUnion(issue, path, shape)
    default:
      return [problem(path, issue.message)]
  }
}

/** Where one branch of a union got further in than the others, its words say more. */
function describeUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  shape: Shape,
): string[] {
  const deeper = issue.errors.find((branch) =>
    branch.every((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  )
  if (deeper && deeper.length > 0) {
    return deeper.flatMap((inner) =>
      describeIssue(inner, [...path, ...(inner.path as Path)], shape),
    )
  }
  const said = issue.errors.flat().find((inner) => inner.code === 'custom')?.message
  return [
    problem(
      path,
      issue.message !== 'Invalid input' ? issue.message : (said ?? 'has the wrong type'),
    ),
  ]
}

function unknownKey(key: string, path: Path, known: readonly string[]): string {
  const shown = key.length > 64 ? `${key.slice(0, 64)}…` : key
  const meant = didYouMean(key, known)
  const hint = meant ? `did you mean ${meant}?` : `known here: ${known.join(', ')}`
  return problem([...path, shown], `unknown key; ${hint}`)
}

function received(message: string): string {
  return message.endsWith('received undefined') ? 'is missing; ' : 'has the wrong type; '
}

function expectedName(expected: string): string {
  const names: Record<string, string> = {
    string: 'a text (put it in quotes)',
    object: 'a block of keys',
    record: 'a block of keys',
    array: 'a list',
  }
  return names[expected] ?? expected
}

function knownKeys(shape: Shape, path: Path): string[] {
  const found = path.reduce<readonly Shape[]>(
    (shapes, part) => shapes.flatMap((s) => into(s, part)),
    [shape],
  )
  return found.flatMap(branches).flatMap((branch) => Object.keys(branch.properties ?? {}))
}

function into(shape: Shape, part: string | number): readonly Shape[] {
  return branches(shape).flatMap((branch) => {
    if (typeof part === 'number') return branch.items ? [branch.items] : []
    const other =
      typeof branch.additionalProperties === 'object' ? branch.additionalProperties : null
    const found = branch.properties?.[part] ?? other
    return found ? [found] : []
  })
}

function branches(shape: Shape): readonly Shape[] {
  return shape.anyOf ? shape.anyOf.flatMap(branches) : [shape]
}
