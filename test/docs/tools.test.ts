import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readTool, SYSTEMS, toolFiles, toolsFolder } from '../support/tools-fixtures.ts'
import { toolsPage, toolsPagePath } from '../support/tools-page.ts'

t.test('the page of the tools says what the fixtures say', async (t) => {
  t.equal(readFileSync(toolsPagePath, 'utf8'), toolsPage())
})

t.test(
  'every fixture was recorded by a program that is there, or says that it was not',
  async (t) => {
    const text = readFileSync(join(toolsFolder, 'record', 'tools.json'), 'utf8')
    const recipes: { system: string; file: string; run: string[] }[] = JSON.parse(text)
    const recorded = new Set(recipes.map(({ system, file }) => `${system}/${file}`))
    for (const { file, run } of recipes) {
      const own = run.filter((word) => /^[\w-]+\.(sh|py|mjs|rb|php)$/.test(word))
      t.ok(own.length === 1 && existsSync(join(toolsFolder, 'record', own[0] as string)), file)
    }
    for (const system of SYSTEMS) {
      for (const file of toolFiles(system)) {
        const [first] = readTool(system, file)
        t.not(first?.shaped === true, recorded.has(`${system}/${file}`), `${system}/${file}`)
      }
    }
  },
)
