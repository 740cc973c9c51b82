import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './project-root.ts'

export type System = 'postgres' | 'mysql'
export const SYSTEMS: readonly System[] = ['postgres', 'mysql']

/** A value that a tool binds: text, NULL, or the bytes of a binary format. */
export type ToolValue = string | null | { readonly hex: string }

/** One statement that a tool sends by itself: on connecting, or to learn what a schema holds. */
export interface ToolStatement {
  readonly tool: string
  readonly version: string
  /** What the tool was asked to do. */
  readonly what: string
  /** Servers that it was recorded on: 18, 15; mariadb, mysql. */
  readonly on: readonly string[]
  /** `${class:crm.tickets}` stands for the object's number, which every server gives anew. */
  readonly sql: string
  /** It came by the extended protocol, or was prepared. */
  readonly prepared?: true
  readonly parameters?: readonly ToolValue[]
  /** Types of the parameters as the tool declares them; 0 where it doesn't. */
  readonly types?: readonly number[]
  /** Its answer isn't the server's own: something classified is masked. */
  readonly masked?: true
  /** It needs a signature, and why that is right. */
  readonly held?: string
  /** Written after the tool's shape: the tool itself wasn't run. */
  readonly shaped?: true
}

export const toolsFolder = join(projectRoot, 'fixtures', 'tools')

export function schemaFor(system: System): string {
  return readFileSync(join(toolsFolder, system, 'schema.sql'), 'utf8')
}

/** Names of the files that hold a system's statements, without .jsonl. */
export function toolFiles(system: System): readonly string[] {
  return readdirSync(join(toolsFolder, system))
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => name.slice(0, -'.jsonl'.length))
    .sort()
}

export function readTool(system: System, file: string): ToolStatement[] {
  return readFileSync(pathOf(system, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

export function writeTool(system: System, file: string, statements: readonly ToolStatement[]) {
  const lines = statements.map((statement) => `${JSON.stringify(statement)}\n`)
  writeFileSync(pathOf(system, file), lines.join(''))
}

function pathOf(system: System, file: string): string {
  return join(toolsFolder, system, `${file}.jsonl`)
}

/** Numbers that a server gave to the schema's objects, by `class:crm.tickets` and the like. */
export type ObjectNumbers = ReadonlyMap<string, number>

/** Writes names for the numbers in a text. */
export function withNames(text: string, numbers: ObjectNumbers): string {
  const names = new Map([...numbers].map(([name, number]) => [String(number), name]))
  return text.replace(/\b\d{5,}\b/g, (digits) => {
    const name = names.get(digits)
    return name === undefined ? digits : `\${${name}}`
  })
}

/** The same in the bytes of a binary value, in which a number is a whole int4. */
export function withNamesInHex(hex: string, numbers: ObjectNumbers): string {
  const names = new Map([...numbers].map(([name, number]) => [hexOf(number), name]))
  return hex.replace(/.{8}/g, (bytes) => {
    const name = names.get(bytes)
    return name === undefined ? bytes : `\${${name}}`
  })
}

/** Writes the numbers of this server where the names stand; 0 for what it doesn't have. */
export function withNumbers(text: string, numbers: ObjectNumbers): string {
  return text.replace(NAMED, (_, name) => String(numbers.get(name) ?? 0))
}

export function withNumbersInHex(hex: string, numbers: ObjectNumbers): string {
  return hex.replace(NAMED, (_, name) => hexOf(numbers.get(name) ?? 0))
}

/** The statement whatever object it asks for: of several that differ in that, one is kept. */
export function shapeOf(sql: string): string {
  return sql.replace(NAMED, '?')
}

const NAMED = /\$\{([a-z]+:[^}]*)\}/g

function hexOf(number: number): string {
  return number.toString(16).padStart(8, '0')
}

/** What a server of the test calls its schema's objects. */
export const OBJECT_NUMBERS = `
  SELECT 'class:' || oid::regclass AS name, oid::int AS number FROM pg_class WHERE oid >= 16384
  UNION ALL SELECT 'type:' || oid::regtype, oid::int FROM pg_type WHERE oid >= 16384
  UNION ALL SELECT 'proc:' || oid::regprocedure, oid::int FROM pg_proc WHERE oid >= 16384
  UNION ALL SELECT 'schema:' || nspname, oid::int FROM pg_namespace WHERE oid >= 16384
  UNION ALL SELECT 'role:' || rolname, oid::int FROM pg_roles WHERE oid >= 16384
  UNION ALL SELECT 'constraint:' || conname, oid::int FROM pg_constraint WHERE oid >= 16384
  UNION ALL SELECT 'dictionary:' || cfgname, oid::int FROM pg_ts_config WHERE oid >= 16384
  UNION ALL SELECT 'collation:' || collname, oid::int FROM pg_collation WHERE oid >= 16384
  UNION ALL SELECT 'wrapper:' || fdwname, oid::int FROM pg_foreign_data_wrapper WHERE oid >= 16384
  UNION ALL SELECT 'server:' || srvname, oid::int FROM pg_foreign_server WHERE oid >= 16384
  UNION ALL SELECT 'operator:' || oid::regoperator, oid::int FROM pg_operator WHERE oid >= 16384
  UNION ALL SELECT 'statistics:' || stxname, oid::int FROM pg_statistic_ext WHERE oid >= 16384
  UNION ALL SELECT 'rule:' || rulename || ' ' || ev_class::regclass, oid::int FROM pg_rewrite WHERE oid >= 16384
  UNION ALL SELECT 'trigger:' || tgname, oid::int FROM pg_trigger WHERE oid >= 16384 AND NOT tgisinternal
  UNION ALL SELECT 'policy:' || polname, oid::int FROM pg_policy WHERE oid >= 16384
  UNION ALL SELECT 'extension:' || extname, oid::int FROM pg_extension WHERE oid >= 16384
  UNION ALL SELECT 'database:' || datname, oid::int FROM pg_database WHERE oid >= 16384`

export function objectNumbers(rows: readonly Readonly<Record<string, unknown>>[]): ObjectNumbers {
  return new Map(rows.map(({ name, number }) => [String(name), Number(number)]))
}
