import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { messageOf } from '../lib/errors.ts'
import { type Path, problem } from './problems.ts'

const REFERENCE = /\$\{([^}]*)\}/g
const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const LARGEST_FILE = 64 * 1024

export interface Sources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Relative paths of ${file:...} start here. */
  readonly folder: string
}

/** What stands before the last @ of a URL: user and password. */
const USER_INFO = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/.*@/s

/**
 * Fills in `${ENV_NAME}` and `${file:PATH}` (without the line end that files close with) in every
 * text value, not in keys. In the user and password of a URL they are percent-encoded, so that a
 * password may hold any character. What is missing is added to `problems` by its name, never by its
 * value.
 */
export function substitute(
  value: unknown,
  sources: Sources,
  problems: string[],
  path: Path = [],
): unknown {
  if (typeof value === 'string') return substituteText(value, sources, problems, path)
  if (Array.isArray(value)) {
    return value.map((item, i) => substitute(item, sources, problems, [...path, i]))
  }
  if (value === null || typeof value !== 'object') return value
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    substitute(item, sources, problems, [...path, key]),
  ])
  return Object.fromEntries(entries)
}

function substituteText(text: string, sources: Sources, problems: string[], path: Path): string {
  const userInfoEnd = USER_INFO.exec(text)?.[0].length ?? 0
  return text.replaceAll(REFERENCE, (whole, reference: string, at: number) => {
    const found = lookUp(reference, sources)
    if ('value' in found) return at < userInfoEnd ? encodeURIComponent(found.value) : found.value
    problems.push(problem(path, found.problem))
    return whole
  })
}

function lookUp(reference: string, sources: Sources): { value: string } | { problem: string } {
  if (reference.startsWith('file:')) return readReference(reference.slice(5), sources.folder)
  if (!ENVIRONMENT_NAME.test(reference)) {
    return { problem: `\${${reference}} is neither \${ENV_NAME} nor \${file:PATH}` }
  }
  const value = sources.env[reference]
  if (value !== undefined) return { value }
  return { problem: `the environment variable ${reference} is not set; set it before starting` }
}

function readReference(name: string, folder: string): { value: string } | { problem: string } {
  try {
    const bytes = readFileSync(resolve(folder, name))
    if (bytes.length > LARGEST_FILE) return { problem: `${name} is larger than 64 KiB` }
    return { value: bytes.toString('utf8').replace(/\r?\n$/, '') }
  } catch (error) {
    return { problem: `${name} can't be read (${messageOf(error)})` }
  }
}
