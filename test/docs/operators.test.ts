import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { configJsonSchema } from '../../src/config/schema.ts'
import { projectRoot } from '../support/project-root.ts'

interface Node {
  readonly anyOf?: readonly Node[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | boolean
  readonly items?: Node
  readonly default?: unknown
}

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8')

/** Every key of the file, as the page writes it: * for a name, [] for each of a list. */
function keysOf(node: Node, path: string, keys: Map<string, unknown>): Map<string, unknown> {
  for (const one of node.anyOf ?? []) keysOf(one, path, keys)
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    const at = path === '' ? name : `${path}.${name}`
    keys.set(at, child.default)
    keysOf(child, at, keys)
  }
  if (typeof node.additionalProperties === 'object') {
    keysOf(node.additionalProperties, `${path}.*`, keys)
  }
  if (node.items) keysOf(node.items, `${path}[]`, keys)
  return keys
}

interface Row {
  readonly key: string
  readonly byDefault: string
  readonly meaning: string
}

function rows(): Row[] {
  const [, section = ''] = read('docs/operators.md').split('## The configuration, every key')
  const [own = ''] = section.split('\n## ')
  return [...own.matchAll(/^\| `([^`]+)` \|([^|]*)\|([^|]*)\|(.*)\|$/gm)].map(
    ([, key = '', , byDefault = '', meaning = '']) => ({ key, byDefault, meaning }),
  )
}

/** The keys that unsupported.ts speaks of: what stands before the colon of each of its sentences. */
function unsupported(): Set<string> {
  const sentences = read('src/config/unsupported.ts').matchAll(
    /['`]([a-z_]+[^'`\s]*?): (?:this version|people of|groups of|agents of|only)/g,
  )
  return new Set(
    [...sentences].map(([, key = '']) =>
      key.replaceAll(/\[\$\{i\}\]/g, '[]').replaceAll(/\$\{name\}/g, '*'),
    ),
  )
}

t.test('the table has every key of the schema, and no other', async (t) => {
  const keys = keysOf(configJsonSchema() as Node, '', new Map())
  t.ok(keys.size > 90, 'the schema is read')
  t.same(
    rows().map(({ key }) => key),
    [...keys.keys()],
  )
})

t.test('the table gives the defaults that the schema has', async (t) => {
  const keys = keysOf(configJsonSchema() as Node, '', new Map())
  for (const { key, byDefault } of rows()) {
    const value = keys.get(key)
    if (typeof value === 'string') t.equal(byDefault.trim(), `\`${value}\``, key)
  }
})

t.test(
  'every figure of the page is one that the code knows, and the other way round',
  async (t) => {
    const [, section = ''] = read('docs/operators.md').split('\n## Health and metrics')
    const said = [...section.matchAll(/`countersign_([a-z_]+)/g)].map(([, name = '']) => name)
    t.ok(said.length > 20, 'the table is read')
    const code = readdirSync(join(projectRoot, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => read(join('src', path)))
      .join('\n')
    for (const name of said) t.ok(new RegExp(`\\b${name}\\b`).test(code), name)
    const counted = [...code.matchAll(/['`]([a-z]+_[a-z_]+)\{[a-z]+="/g)].map(
      ([, name = '']) => name,
    )
    t.ok(counted.length > 5, 'the code is read')
    for (const name of counted) t.ok(said.includes(name), name)
  },
)

t.test('what is not enforced is said to be so, and nothing else is', async (t) => {
  const absent = unsupported()
  t.ok(absent.size >= 3, 'the sentences are read')
  const said = rows().filter(({ meaning }) => /not enforced yet/i.test(meaning))
  const names = said.map(({ key }) => key)
  for (const key of absent) t.ok(names.includes(key), `${key} is marked`)
  // Of a block that isn't enforced no key is; one key serves only what isn't there.
  const serving = new Set(['agents.*.hold.mysql'])
  for (const key of names) {
    const inside = [...absent].some((one) => key === one || key.startsWith(one))
    t.ok(inside || serving.has(key), `${key} is one of them`)
  }
})
