import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../support/project-root.ts'

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'docs/actions.md',
  'docs/agents.md',
  'docs/signers.md',
  'docs/operators.md',
  'docs/promises.md',
]

/** As GitHub makes them: lower case, blanks to dashes, the rest of the marks dropped. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** Code isn't text: what looks like a link in it is none. */
function proseOf(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
}

t.test('every link of the pages leads somewhere', async (t) => {
  for (const page of PAGES) {
    const text = readFileSync(join(projectRoot, page), 'utf8')
    for (const [, target = ''] of proseOf(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(join(projectRoot, file))) t.fail(`${page}: ${target}`)
      else if (anchor !== undefined) {
        const there = anchorsOf(readFileSync(join(projectRoot, file), 'utf8')).has(anchor)
        t.ok(there, `${page}: ${target}`)
      } else t.pass(`${page}: ${target}`)
    }
  }
})

t.test('the scripts and programs that the pages name are there', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'))
  const bench = JSON.parse(readFileSync(join(projectRoot, 'bench', 'package.json'), 'utf8'))
  for (const page of PAGES) {
    const text = readFileSync(join(projectRoot, page), 'utf8')
    for (const [whole, name = ''] of text.matchAll(/npm run ([a-z]+)/g)) {
      t.ok(scripts[name], `${page}: ${whole}`)
    }
    for (const [whole, name = ''] of text.matchAll(/npm --prefix bench run ([a-z]+)/g)) {
      t.ok(bench.scripts[name], `${page}: ${whole}`)
    }
    for (const [whole, path = ''] of text.matchAll(/node dist\/([\w/-]+)\.js/g)) {
      t.ok(existsSync(join(projectRoot, `${path}.ts`)), `${page}: ${whole}`)
    }
  }
})
