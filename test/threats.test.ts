import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { projectRoot } from './support/project-root.ts'

/** `folder/file.test.ts`: "a title", "another"; or a file of bench/ by itself. */
const FILE = /`([\w/.-]+\.(?:ts|mjs))`((?:: "[^"]+"(?:, "[^"]+")*)?)/g

interface Reference {
  readonly file: string
  readonly titles: readonly string[]
}

function rowsOf(page: string): { id: string; cells: string[] }[] {
  return readFileSync(join(projectRoot, page), 'utf8')
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, id]) => /^(?:W[PM]|AP)-\d\d$/.test(id ?? ''))
    .map(([, id = '', ...cells]) => ({ id, cells: cells.slice(0, -1) }))
}

function referencesOf(shownBy: string): Reference[] {
  return [...shownBy.matchAll(FILE)].map(([, file = '', titles = '']) => ({
    file,
    titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
  }))
}

/** WP-01 to WP-46. */
function idsOf(group: string, count: number): string[] {
  return Array.from(
    { length: count },
    (_, index) => `${group}-${String(index + 1).padStart(2, '0')}`,
  )
}

const PAGES = {
  'docs/threats-wire.md': [...idsOf('WP', 46), ...idsOf('WM', 33)],
  'docs/threats-approval.md': idsOf('AP', 30),
}

t.test('every threat is answered, and every test that its answer names exists', async (t) => {
  for (const [page, ids] of Object.entries(PAGES)) {
    const rows = rowsOf(page)
    t.same(
      rows.map(({ id }) => id),
      ids,
    )
    for (const row of rows) checkRow(t, row)
  }
})

function checkRow(t: Test, { id, cells }: ReturnType<typeof rowsOf>[number]): void {
  t.ok(cells.length === 3 && cells.every((cell) => cell.length > 8), `${id} is told whole`)
  const references = referencesOf(cells[2] ?? '')
  const why = cells[2]?.startsWith('No test: ')
  t.ok(references.length > 0 || why, `${id} names a test, or says why there is none`)
  for (const { file, titles } of references) {
    const path = join(projectRoot, file.startsWith('bench/') ? file : join('test', file))
    if (!existsSync(path)) {
      t.fail(`${id}: there is no ${file}`)
      continue
    }
    const source = readFileSync(path, 'utf8').replaceAll("\\'", "'")
    for (const title of titles) {
      const written = ["'", '"', '`'].some((mark) => source.includes(mark + title + mark))
      if (!written) t.fail(`${id}: ${file} has no test "${title}"`)
    }
  }
}
