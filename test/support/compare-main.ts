import { parseArgs } from 'node:util'

/** Cases of one run: what chance begins with, how many there are, and the number of the first. */
export interface Cases {
  readonly seed: number
  readonly count: number
  readonly from: number
}

/** What starts servers is told by this how they end. */
export interface Ends {
  teardown(end: () => unknown): unknown
}

export interface CompareOptions<Kind extends string> {
  readonly usage: string
  /** The option that picks a kind of server, and the kinds. */
  readonly by: string
  readonly kinds: readonly Kind[]
  /** Cases where no --count is given. */
  readonly count: number
}

/** The command line of what compares many cases on servers of several kinds, one after the other. */
export async function compareMain<Kind extends string>(
  { usage, by, kinds, count }: CompareOptions<Kind>,
  compare: (kind: Kind, cases: Cases, ends: Ends) => Promise<void>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      [by]: { type: 'string', default: 'all' },
      count: { type: 'string', default: String(count) },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      from: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return
  }
  const cases = {
    seed: Number(values.seed),
    count: Number(values.count),
    from: Number(values.from),
  }
  const ends: (() => unknown)[] = []
  try {
    for (const kind of kinds) {
      if (values[by] !== 'all' && values[by] !== kind) continue
      await compare(kind, cases, { teardown: (end) => ends.push(end) })
    }
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** Prints how a comparison went; findings make the command fail. */
export function tell(
  server: string,
  { findings, ...tally }: { readonly findings: readonly unknown[] },
): void {
  console.log(server, tally)
  for (const finding of findings) console.error(finding)
  if (findings.length > 0) process.exitCode = 1
}
