import { spawnSync } from 'node:child_process'
import { rowsOf } from './clients-driver.ts'
import { type ClientProgram, programOf } from './clients-program.ts'
import type { ClientsWorld } from './clients-world.ts'

/** Debian's packages are for Debian's Python, whichever else stands in the path. */
export const PYTHON = '/usr/bin/python3'

/** Throws a sentence that names the Debian package, where this Python has no such module. */
export function needModule(name: string, debianPackage: string): void {
  const python = programOf(PYTHON, 'python3')
  const { status } = spawnSync(python, ['-c', `import ${name}`])
  if (status !== 0) {
    throw new Error(`${PYTHON} has no ${name}: install the Debian package ${debianPackage}`)
  }
}

/** What a driver can do beyond the story, by name. */
export async function waysOf(
  world: ClientsWorld,
  program: ClientProgram,
  driver: string,
): Promise<Readonly<Record<string, string>>> {
  await world.run('TRUNCATE TABLE scratch')
  const name = `ways of ${driver}`
  await program.ask('open', name, driver, 'tls', '')
  const lines = rowsOf(await program.ask('ways', name)).split('\n')
  await program.ask('close', name)
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
  )
}
