import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import t from 'tap'
import { projectRoot } from './support/project-root.ts'

/** Which room may import which; a room may always import itself. The design's own table. */
const MAY_IMPORT: Record<string, readonly string[] | 'anything'> = {
  lib: [],
  wire: ['lib'],
  'wire/postgres': ['lib', 'wire'],
  'wire/mysql': ['lib', 'wire'],
  net: ['lib', 'wire'],
  sql: ['lib'],
  catalog: ['lib', 'sql'],
  identity: ['lib'],
  policy: ['lib', 'sql', 'identity'],
  approval: ['lib', 'sql', 'identity', 'policy'],
  mask: ['lib', 'sql', 'catalog', 'wire'],
  audit: ['lib', 'sql', 'identity', 'policy', 'approval'],
  session: [
    'lib',
    'wire',
    'net',
    'sql',
    'catalog',
    'identity',
    'policy',
    'approval',
    'mask',
    'audit',
  ],
  control: [
    'lib',
    'net',
    'sql',
    'catalog',
    'identity',
    'policy',
    'approval',
    'mask',
    'audit',
    'config',
    'cli',
  ],
  config: 'anything',
  cli: 'anything',
  'proxy.ts': 'anything',
  // What proxy.ts puts together: databases, the doors to them, and what both stand on.
  databases: 'anything',
  'doors.ts': 'anything',
  'ground.ts': 'anything',
  'protocols.ts': 'anything',
  'reloads.ts': 'anything',
  'main.ts': 'anything',
  'version.ts': [],
}

const src = join(projectRoot, 'src')

function roomOf(file: string): string {
  const [first = '', second = ''] = relative(src, file).split(sep)
  return first === 'wire' && (second === 'postgres' || second === 'mysql')
    ? `${first}/${second}`
    : first
}

function* sourceFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sourceFiles(path)
    else if (entry.name.endsWith('.ts')) yield path
  }
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)
  return [...specifiers].map((match) => join(dirname(file), match[1] ?? ''))
}

t.test('every room imports only what the design allows', async (t) => {
  let checked = 0
  for (const file of sourceFiles(src)) {
    const from = roomOf(file)
    const allowed = MAY_IMPORT[from]
    t.ok(allowed, `${relative(src, file)} is in a room of the design`)
    if (allowed === 'anything' || !allowed) continue
    for (const target of importsOf(file)) {
      const to = roomOf(target)
      checked++
      if (to !== from && !allowed.includes(to)) t.fail(`${relative(src, file)} imports ${to}`)
    }
  }
  t.ok(checked > 0, 'imports were found')
})
