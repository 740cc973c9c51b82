import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../support/project-root.ts'

const page = readFileSync(join(projectRoot, 'docs', 'promises.md'), 'utf8')
/** `- `folder/file.test.ts`: "a title", "another"`, one file a line. */
const PROOF = /^- `([\w/.-]+\.test\.ts)`: ("[^"]+"(?:, "[^"]+")*)$/gm

interface Promised {
  readonly heading: string
  readonly keptBy: string
  readonly provedBy: string
}

function promises(): Promised[] {
  return page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading = '', ...rest] = section.split('\n')
      const [, keptBy = '', provedBy = ''] =
        /\nKept by\n([\s\S]*?)\nProved by\n([\s\S]*)/.exec(rest.join('\n')) ?? []
      return { heading, keptBy, provedBy }
    })
}

function proofsIn(text: string): { file: string; titles: string[] }[] {
  return [...text.matchAll(PROOF)].map(([, file = '', titles = '']) => ({
    file,
    titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title),
  }))
}

t.test('seven promises, each kept by code and proved by tests that exist', async (t) => {
  const all = promises()
  t.same(
    all.map(({ heading }) => Number.parseInt(heading, 10)),
    [1, 2, 3, 4, 5, 6, 7],
  )
  for (const { heading, keptBy, provedBy } of all) {
    const files = [...keptBy.matchAll(/`(src\/[\w/.-]+)`/g)].map(([, file = '']) => file)
    t.ok(files.length > 0, `${heading}: code is named`)
    for (const file of files) t.ok(existsSync(join(projectRoot, file)), `${heading}: ${file}`)
    const proofs = proofsIn(provedBy)
    const lines = provedBy.split('\n').filter((line) => line.startsWith('- '))
    t.equal(proofs.length, lines.length, `${heading}: every line is a file and its titles`)
    t.ok(proofs.length > 0, `${heading}: tests are named`)
    for (const { file, titles } of proofs) checkTitles(t, heading, file, titles)
  }
})

function checkTitles(
  t: Pick<typeof import('tap').default, 'ok' | 'fail'>,
  heading: string,
  file: string,
  titles: readonly string[],
): void {
  const path = join(projectRoot, 'test', file)
  if (!existsSync(path)) {
    t.fail(`${heading}: there is no test/${file}`)
    return
  }
  const source = readFileSync(path, 'utf8').replaceAll("\\'", "'")
  for (const title of titles) {
    const written = ["'", '"', '`'].some((mark) => source.includes(mark + title + mark))
    t.ok(written, `${heading}: ${file} has "${title}"`)
  }
}
