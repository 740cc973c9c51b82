import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Test } from 'tap'
import { PROGRAMS, programOf } from './clients-program.ts'

/** A client in Java, with its driver. */
export interface JavaClient {
  readonly name: string
  readonly driver: string
  readonly debianPackage: string
}

/** Compiles the client into a folder that ends with the test, and says how to run it. */
export function compiledJava(
  t: Test,
  { name, driver, debianPackage }: JavaClient,
): [string, ...string[]] {
  const javac = programOf('javac', 'default-jdk-headless')
  const java = programOf('java', 'default-jdk-headless')
  if (!existsSync(driver)) {
    throw new Error(`${driver} is missing: install the Debian package ${debianPackage}`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'csgn-java-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const paths = ['-cp', driver, '-sourcepath', PROGRAMS, '-d', folder]
  const { status, stderr } = spawnSync(javac, [...paths, join(PROGRAMS, `${name}.java`)])
  if (status !== 0) throw new Error(`javac: ${stderr}`)
  const classes = ['-cp', [folder, driver].join(delimiter)]
  return [java, '-XX:TieredStopAtLevel=1', '-Xshare:auto', ...classes, name]
}
