import { randomBytes } from 'node:crypto'
import { readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { isMap, LineCounter, parseDocument, stringify } from 'yaml'
import type { AgentConfig, Config } from '../config/config.ts'
import { parseConfig } from '../config/parse-config.ts'
import type { Clock } from '../lib/clock.ts'
import { withFileLock } from './agent-file-lock.ts'
import { UsageError } from './usage-error.ts'

export interface ListAgentOptions {
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly name: string
  readonly owners: readonly string[]
  readonly databases: readonly string[]
}

export interface ListedAgent {
  readonly config: Config
  readonly agent: AgentConfig & { readonly credential: string }
  /** Worth telling whoever gave the command. */
  readonly notes: readonly string[]
}

/**
 * Sees to it that the configuration lists the agent, with a path for its credential. The file is
 * changed only where that is needed, in one step, and keeps its comments.
 *
 * @throws UsageError where the file, before or after, isn't a valid configuration
 */
export async function listAgent(options: ListAgentOptions): Promise<ListedAgent> {
  const path = await realpath(options.path).catch(() => {
    throw new UsageError(`${options.path}: there is no such file`)
  })
  // Where nothing has to be written, the folder needn't be writable either.
  const listed = alreadyListed(await readFile(path, 'utf8'), path, options)
  if (listed) return listed
  return withFileLock(path, options.clock, async () => {
    const text = await readFile(path, 'utf8')
    const meanwhile = alreadyListed(text, path, options)
    if (meanwhile) return meanwhile
    const known = parse(text, path, options).agents.get(options.name)
    const notes = known ? differences(known, options) : []
    const changed = withAgent(text, options, known)
    const config = parse(changed, path, options)
    const agent = config.agents.get(options.name)
    if (!agent?.credential) throw new Error('the agent could not be added to the configuration')
    await replaceFile(path, changed)
    return { config, agent: { ...agent, credential: agent.credential }, notes }
  })
}

function alreadyListed(text: string, path: string, options: ListAgentOptions): ListedAgent | null {
  const config = parse(text, path, options)
  const known = config.agents.get(options.name)
  if (!known?.credential) return null
  const agent = { ...known, credential: known.credential }
  return { config, agent, notes: differences(known, options) }
}

function parse(text: string, path: string, { env }: ListAgentOptions): Config {
  const parsed = parseConfig(text, { path, env })
  if (!parsed.ok) throw new UsageError(parsed.problems.join('\n'))
  return parsed.config
}

/** What was asked for and stands otherwise in the file, which wins. */
function differences(known: AgentConfig, options: ListAgentOptions): string[] {
  const missing = (asked: readonly string[], there: readonly string[], what: string) =>
    asked
      .filter((one) => !there.includes(one))
      .map((one) => `${one} is not among the ${what} of ${known.name}: edit the configuration`)
  return [
    ...missing(options.owners, known.owners, 'owners'),
    ...missing(options.databases, known.databases, 'databases'),
  ]
}

function withAgent(
  text: string,
  options: ListAgentOptions,
  known: AgentConfig | undefined,
): string {
  const { name, owners, databases } = options
  const document = parseDocument(text)
  const credential = `./agents/${name}.json`
  if (known) {
    document.setIn(['agents', name, 'credential'], credential)
    return document.toString({ lineWidth: 0 })
  }
  if (owners.length === 0 || databases.length === 0) {
    throw new UsageError(`${name} is not listed in ${options.path}: give --owner and --database`)
  }
  const entry = { owners: [...owners], databases: [...databases], credential }
  const spliced = splice(text, name, entry)
  if (!isMap(document.get('agents', true))) document.set('agents', document.createNode({}))
  document.setIn(['agents', name], entry)
  // The text is kept to the letter where that gives the same file; else it is written anew.
  const same = spliced !== null && isDeepStrictEqual(contentOf(spliced), document.toJS())
  return same ? spliced : document.toString({ lineWidth: 0 })
}

function contentOf(text: string): unknown {
  const document = parseDocument(text)
  return document.errors.length > 0 ? null : document.toJS()
}

/** Puts the entry behind the last agent, or the block at the end; null where neither is possible. */
function splice(text: string, name: string, entry: Record<string, unknown>): string | null {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  const closed = text === '' || text.endsWith('\n') ? text : `${text}\n`
  if (!document.has('agents')) return `${closed}\n${stringify({ agents: { [name]: entry } })}`
  const agents = document.get('agents', true)
  if (!isMap(agents) || agents.flow || !agents.range || agents.items.length === 0) return null
  const column = lineCounter.linePos(agents.range[0]).col - 1
  const end = text.slice(0, agents.range[1]).trimEnd().length
  const lineEnd = closed.indexOf('\n', end) + 1
  const block = stringify({ [name]: entry }).replace(/^(?=.)/gm, ' '.repeat(column))
  return `${closed.slice(0, lineEnd)}${block}${closed.slice(lineEnd)}`
}

async function replaceFile(path: string, text: string): Promise<void> {
  const { mode } = await stat(path)
  const partial = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await writeFile(partial, text, { mode, flag: 'wx', flush: true })
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}
