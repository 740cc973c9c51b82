import type { Findings } from './findings.ts'
import { problem } from './problems.ts'
import { type Block, block } from './raw-file.ts'
import { parseUpstream, sameDatabase } from './upstream-url.ts'

/** mysql_native_password is accepted inside TLS only. */
export function checkListen(file: Block, { problems }: Findings): void {
  const { mysql_native_password: native, tls } = block(file.listen)
  if (native !== true && native !== 'true') return
  if (tls !== undefined && tls !== null) return
  problems.push(
    problem(['listen', 'mysql_native_password'], 'needs listen.tls: it is for TLS only'),
  )
}

export function checkUpstreams(file: Block, { problems, warnings }: Findings): void {
  const listen = block(file.listen)
  for (const [name, database] of Object.entries(block(file.databases))) {
    const { upstream } = block(database)
    if (typeof upstream !== 'string' || upstream === '') continue
    const parsed = parseUpstream(upstream)
    const path = ['databases', name, 'upstream']
    if ('problem' in parsed) problems.push(problem(path, parsed.problem))
    else {
      const [door, other] =
        parsed.system === 'mysql' ? ['mysql', 'postgres'] : ['postgres', 'mysql']
      const closed = !listen[door] && listen[other]
      if (closed) warnings.push(problem(path, `nobody can connect to it without listen.${door}`))
    }
    if (typeof file.store === 'string' && sameDatabase(upstream, file.store)) {
      problems.push(
        problem(path, 'is the store: of the approvals, which no agent may reach; use another'),
      )
    }
  }
}
