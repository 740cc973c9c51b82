import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { PROGRAMS, programOf } from './clients-program.ts'

/** Where Debian's packages put the sources of Go libraries. */
const GOPATH = '/usr/share/gocode'
const DRIVER = join(GOPATH, 'src', 'github.com', 'go-sql-driver', 'mysql')

/** Compiles a client in Go into a folder that ends with the test, and says how to run it. */
export function compiledGo(t: Test, name: string): [string] {
  const go = programOf('go', 'golang-go')
  if (!existsSync(DRIVER)) {
    throw new Error(`${DRIVER} is missing: install golang-github-go-sql-driver-mysql-dev`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'csgn-go-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, name)
  const { status, stderr } = spawnSync(go, ['build', '-o', program, 'main.go'], {
    cwd: join(PROGRAMS, name),
    env: {
      ...process.env,
      GO111MODULE: 'off',
      GOPATH,
      GOFLAGS: '',
      GOCACHE: join(folder, 'cache'),
    },
  })
  if (status !== 0) throw new Error(`go build: ${stderr}`)
  return [program]
}
