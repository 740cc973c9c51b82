import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The path of a file in fixtures/demo, wherever the compiled code lies. */
export function demoFixture(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    const path = join(folder, 'fixtures', 'demo', name)
    if (existsSync(path)) return path
    if (dirname(folder) === folder) throw new Error(`fixtures/demo/${name} is missing`)
    folder = dirname(folder)
  }
}
