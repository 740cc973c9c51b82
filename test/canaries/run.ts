import { Random, seedOf } from '../fuzz/random.ts'
import { AGENT, type Countersign, startCountersign } from '../support/countersign.ts'
import { canaryIn } from './canary.ts'
import type { Door, End, Heard } from './ends.ts'
import { CLASS_MASKS, type Flavour, randomWorld, type World } from './schema.ts'
import { type CanaryServer, startCanaryServer } from './servers.ts'
import { randomStory, type Story } from './stories.ts'

/** Stories of one schema, and schemas of one proxy. */
const STORIES = 100
const SCHEMAS = 10
/** Schemas whose stories are told at once. */
const LANES = 3

export interface CanaryReport {
  readonly stories: number
  readonly statements: number
  /** Statements that the server ran without an error. */
  readonly ran: number
  /** Stories that told a canary on the direct connection, by the form in which it was seen. */
  readonly telling: Readonly<Record<string, number>>
  /** Stories that were compared byte by byte with the direct connection where nothing is classified. */
  readonly compared: number
  /** Stories about unclassified columns, and those that came back unchanged. */
  readonly honest: number
  readonly unchanged: number
  /** Stories in which the server itself hung up, or never answered. */
  readonly lost: readonly string[]
  readonly changes: readonly string[]
  readonly findings: readonly string[]
}

interface Teardown {
  teardown(fn: () => unknown): unknown
}

export interface CanaryOptions {
  readonly flavour: Flavour
  readonly seed: number
  readonly count: number
  readonly from?: number
}

/**
 * Tells random stories over random schemas three times: to the server itself, through a proxy where
 * nothing is classified, and through one whose classified cells hold canaries. None of these may be in
 * any byte of the third, and the first two have to hear the same.
 */
export async function runCanaries(options: CanaryOptions): Promise<CanaryReport> {
  const { from = 0, count } = options
  const tally = new Tally()
  let left = Array.from({ length: count }, (_, at) => from + at)
  while (left.length > 0) {
    const round = Math.floor((left[0] as number) / (STORIES * SCHEMAS))
    const cases = left.filter((index) => Math.floor(index / (STORIES * SCHEMAS)) === round)
    const tried = await runRound(options, cases, tally)
    left = left.filter((index) => !tried.has(index))
  }
  return tally
}

class Tally implements CanaryReport {
  stories = 0
  statements = 0
  ran = 0
  compared = 0
  honest = 0
  unchanged = 0
  readonly telling: Record<string, number> = {}
  readonly lost: string[] = []
  readonly changes: string[] = []
  readonly findings: string[] = []
}

/** Answers the stories that were tried: a server may fall over one of them and leave the rest. */
async function runRound(
  { flavour, seed }: CanaryOptions,
  cases: readonly number[],
  tally: Tally,
): Promise<ReadonlySet<number>> {
  const ends: (() => unknown)[] = []
  const teardown: Teardown = { teardown: (end) => ends.unshift(end) }
  try {
    const server = await startCanaryServer(teardown, flavour)
    const numbers = [...new Set(cases.map((index) => Math.floor(index / STORIES)))]
    const worlds = numbers.map((number) =>
      randomWorld(new Random(seedOf(seed ^ 0x5ca1ab1e, number)), `w${number}`, server.flavour),
    )
    await server.make(worlds)
    const round = new Round(server, seed, await openDoors(teardown, server, worlds), tally)
    const left = [...worlds.entries()]
    const lane = async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const [at, world] = next
        const own = cases.filter((index) => Math.floor(index / STORIES) === numbers[at])
        await round.tellAll(world, own)
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    return round.tried
  } finally {
    for (const end of ends) await end()
  }
}

/** The stories of some schemas on one server. */
class Round {
  readonly tried = new Set<number>()
  readonly #server: CanaryServer
  readonly #seed: number
  readonly #doors: readonly Door[]
  readonly #tally: Tally

  constructor(server: CanaryServer, seed: number, doors: readonly Door[], tally: Tally) {
    this.#server = server
    this.#seed = seed
    this.#doors = doors
    this.#tally = tally
  }

  async tellAll(world: World, cases: readonly number[]): Promise<void> {
    const { flavour, version } = this.#server
    const tellers = this.#doors.map((door) => new Teller(this.#server, door, world))
    const stories = cases.map((index) => {
      const story = randomStory(new Random(seedOf(this.#seed, index)), world, flavour)
      return { index, story }
    })
    // What a classified value is written to is classified from then on.
    stories.sort((one, other) => Number(other.story.honest) - Number(one.story.honest))
    for (const { index, story } of stories) {
      if (tellers[0]?.gone) break
      this.tried.add(index)
      const name = `${version}, case ${index} of seed ${this.#seed}`
      await tell(tellers as [Teller, Teller, Teller], story, this.#tally, name, world)
    }
    for (const teller of tellers) teller.close()
  }
}

/** To the server, to the proxy that knows of no class, and to the one that masks. */
async function openDoors(
  t: Teardown,
  server: CanaryServer,
  worlds: readonly World[],
): Promise<readonly Door[]> {
  // biome-ignore lint/suspicious/noThenProperty: the file's key; nobody awaits this object
  const config = { rules: [{ name: 'all', when: {}, then: 'allow' }], masks: CLASS_MASKS }
  const { upstream } = server
  const agent = { databases: Object.keys(server.databases(worlds, false)) }
  const start = (classified: boolean, like?: Countersign) =>
    startCountersign(t, {
      upstream,
      agent,
      config: { ...config, databases: server.databases(worlds, classified) },
      ...(like ? { like } : {}),
    })
  const bare = await start(false)
  const masking = await start(true, bare)
  const doorOf = ({ port, password }: Countersign) => ({
    port,
    password,
    user: AGENT,
    database: 'shop',
  })
  return [server.direct, doorOf(bare), doorOf(masking)]
}

/** One of the three connections; it opens another one where the story before has left its mark. */
class Teller {
  readonly #server: CanaryServer
  readonly #door: Door
  readonly #world: World
  #end: End | null = null
  /** Why the last one ended. */
  lost = ''

  constructor(server: CanaryServer, door: Door, world: World) {
    this.#server = server
    this.#door = door
    this.#world = world
  }

  /** Whether nobody listens there any more. */
  get gone(): boolean {
    return this.lost.includes('ECONNREFUSED')
  }

  /** Null where the connection is lost, or nothing comes. */
  async tell({ steps, marks }: Story): Promise<readonly Heard[] | null> {
    try {
      const end = await this.#ready()
      const heard: Heard[] = []
      for (const step of steps) heard.push(await end.say(step))
      if (marks) this.close()
      return heard
    } catch (error) {
      this.close()
      this.lost = String(error)
      return null
    }
  }

  close(): void {
    this.#end?.destroy()
    this.#end = null
  }

  async #ready(): Promise<End> {
    if (this.#end) return this.#end
    const database = this.#server.databaseOf(this.#world)
    const end = await this.#server.open({ ...this.#door, database })
    this.#end = end
    for (const sql of this.#server.opening(this.#world)) {
      const { code } = await end.say({ sql, how: 'plain' })
      if (code !== '') throw new Error(`${sql}: ${code}`)
    }
    return end
  }
}

async function tell(
  [direct, bare, masking]: readonly [Teller, Teller, Teller],
  story: Story,
  tally: Tally,
  name: string,
  world: World,
): Promise<void> {
  const own = await direct.tell(story)
  const plain = await bare.tell(story)
  const masked = await masking.tell(story)
  tally.stories++
  tally.statements += story.steps.length
  const lost = () =>
    tally.lost.push(`${name}: ${direct.lost}: ${story.steps.map(({ sql }) => sql).join(' ;; ')}`)
  if (!own) {
    lost()
    return
  }
  const found = (what: string) =>
    `${name}: ${what}\n${told(story, own)}\n${world.statements.join(';\n')}`
  tally.ran += own.filter(({ code }) => code === '').length
  const form = formOf(own)
  if (form !== null) tally.telling[form] = (tally.telling[form] ?? 0) + 1
  if (!plain || !masked) {
    if (!(await direct.tell(STILL_THERE))) {
      lost()
      return
    }
    tally.findings.push(
      found(`the proxy lost the connection: ${plain ? `masking: ${masking.lost}` : bare.lost}`),
    )
    return
  }
  const leak = formOf(masked)
  if (leak !== null) tally.findings.push(found(`a canary left as ${leak}: ${tellingStep(masked)}`))
  if (!story.steady || own.some(({ code }) => TIMED_OUT.test(code))) return
  tally.compared++
  const other = firstDifference(own, plain)
  if (other) tally.findings.push(found(`not the server's own bytes: ${other}`))
  // Where the server says no, it has only an error to be compared.
  if (!story.honest || form !== null || own.some(({ code }) => code !== '')) return
  tally.honest++
  const changed = firstDifference(own, masked)
  if (changed) tally.changes.push(found(`an honest answer was changed: ${changed}`))
  else tally.unchanged++
}

const STILL_THERE: Story = {
  steps: [{ sql: 'SELECT 1', how: 'plain' }],
  honest: false,
  steady: true,
  marks: false,
}

const TIMED_OUT = /57014|70100/

function formOf(heard: readonly Heard[]): string | null {
  for (const { text, columns } of heard) {
    const form = canaryIn(text) ?? columns.map(canaryIn).find((one) => one !== null)
    if (form) return form
  }
  return null
}

function tellingStep(heard: readonly Heard[]): string {
  const at = heard.findIndex((one) => formOf([one]) !== null)
  return `step ${at + 1}: ${JSON.stringify(heard[at]?.text.slice(0, 600))}`
}

/** Of rows that come in no order two runs need not have the same one. */
function firstDifference(expected: readonly Heard[], found: readonly Heard[]): string | null {
  const sorted = (heard?: Heard) => [...(heard?.comparable ?? [])].sort().join()
  const at = expected.findIndex((heard, index) => sorted(heard) !== sorted(found[index]))
  if (at < 0) return null
  const mine = found[at]?.comparable ?? []
  const first = expected[at]?.comparable.findIndex((one, index) => one !== mine[index]) ?? 0
  const shown = (messages: readonly string[] = []) =>
    JSON.stringify(
      messages
        .slice(Math.max(first, 0), first + 3)
        .join(' ')
        .slice(0, 300),
    )
  return `step ${at + 1}: expected ${shown(expected[at]?.comparable)}, found ${shown(mine)}`
}

function told({ steps }: Story, own: readonly Heard[]): string {
  return steps
    .map(({ sql, how }, at) => `  ${how}: ${sql} -> ${own[at]?.code || 'done'}`)
    .join('\n')
}
