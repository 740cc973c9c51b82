import type { SilentSession } from './silent-session.ts'

/** A text that could keep the thread that serves from serving others. */
export interface LargeText {
  readonly name: string
  /** A new text each time, for a known one costs nothing. */
  readonly text: (salt: number) => string
}

export interface Stall {
  readonly name: string
  readonly bytes: number
  /** Milliseconds in which nobody else was served: the median of the tries, and the longest. */
  readonly median: number
  readonly longest: number
  /** Milliseconds from the text's last byte until it was sent on. */
  readonly answered: number
}

const TRIES = 7

export const LARGE_TEXTS: readonly LargeText[] = [4, 8, 16, 100, 1000].flatMap(textsOf)

function textsOf(kilobytes: number): LargeText[] {
  // A little below the bound of which a text is judged elsewhere, where there is one.
  const bytes = kilobytes * 1024 - 64
  const filled = (head: string, piece: string, between: string, tail = '') =>
    head +
    Array(Math.floor((bytes - head.length) / (piece.length + between.length)))
      .fill(piece)
      .join(between) +
    tail
  const shapes: Record<string, (salt: number) => string> = {
    'rows of an INSERT': (salt) =>
      filled(
        'INSERT INTO ten (c1, c2, c4, c5, c6) VALUES ',
        `(${salt}, 'some text of a row', NULL, '12.50', '2026-03-04')`,
        ',',
      ),
    'one long constant': (salt) => `SELECT '${salt}${'x'.repeat(bytes - 32)}'`,
    'values of an IN': (salt) =>
      `${filled('SELECT c1 FROM ten WHERE c1 IN (', `${1000 + salt}`, ',')})`,
    'terms of an OR': (salt) => filled('SELECT c1 FROM ten WHERE ', `c4 = 'a${salt}'`, ' OR '),
    'a sum of columns': (salt) => filled('SELECT ', `c1*${salt}`, '+', ' FROM ten'),
    'output columns': (salt) => filled('SELECT ', `c4 AS a${salt}`, ', ', ' FROM people'),
    parentheses: (salt) => {
      const deep = Math.floor(bytes / 2) - 16
      return `SELECT ${'('.repeat(deep)}${salt}${')'.repeat(deep)}`
    },
    'a comment': (salt) => `SELECT ${salt} /* ${'- '.repeat(Math.floor(bytes / 2) - 16)}*/`,
    statements: (salt) => filled('', `SELECT ${salt}`, ';'),
    names: (salt) => filled('SELECT 1 FROM ten WHERE c4 = ', `"n${salt}"`, '.'),
  }
  return Object.entries(shapes).map(([name, text]) => ({ name: `${kilobytes} KB, ${name}`, text }))
}

/** How long each text keeps the event loop from turning, from its first byte until it passes. */
export async function measureStalls(
  open: () => SilentSession,
  message: (sql: string) => Buffer,
  texts: readonly LargeText[],
): Promise<Stall[]> {
  const stalls: Stall[] = []
  let salt = 100
  for (const { name, text } of texts) {
    const longest: number[] = []
    const answered: number[] = []
    let bytes = 0
    for (let count = 0; count < TRIES; count++) {
      const asked = message(text(++salt))
      bytes = asked.length
      const watch = watchLoop()
      const start = performance.now()
      await open().ask(asked)
      answered.push(performance.now() - start)
      longest.push(await watch.longest())
    }
    longest.sort((a, b) => a - b)
    answered.sort((a, b) => a - b)
    const middle = TRIES >> 1
    stalls.push({
      name,
      bytes,
      median: longest[middle] ?? 0,
      longest: longest[TRIES - 1] ?? 0,
      answered: answered[middle] ?? 0,
    })
  }
  return stalls
}

/** Notes the longest time between two turns of the event loop. */
function watchLoop(): { longest(): Promise<number> } {
  let last = performance.now()
  let most = 0
  let ended: (() => void) | null = null
  const turn = () => {
    const now = performance.now()
    most = Math.max(most, now - last)
    last = now
    if (ended) ended()
    else setImmediate(turn)
  }
  setImmediate(turn)
  return {
    longest: () =>
      new Promise((resolve) => {
        // Two turns more: what the text left behind counts as well.
        setImmediate(() =>
          setImmediate(() => {
            ended = () => resolve(most)
          }),
        )
      }),
  }
}
