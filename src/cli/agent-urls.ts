import type { AgentConfig, Config } from '../config/config.ts'
import { parseUpstream, type Upstream } from '../config/upstream-url.ts'
import { hostPort } from '../control/host-port.ts'

/**
 * The connection strings of an agent, one for each database; none where the proxy's port isn't
 * known before it runs.
 */
export function urlsOf(config: Config, agent: AgentConfig, password: string): string[] {
  const login = `${encodeURIComponent(agent.name)}:${encodeURIComponent(password)}`
  return agent.databases.flatMap((name) => {
    const database = config.databases.get(name)
    const upstream = database && parseUpstream(database.upstream)
    if (!upstream || 'problem' in upstream) return []
    const { scheme, address, tls } = doorOf(config.listen, upstream.system)
    if (!address || address.port === 0) return []
    const suffix = config.listen.tls?.require ? tls : ''
    return `${scheme}://${login}@${hostPort(reachable(address))}/${encodeURIComponent(name)}${suffix}`
  })
}

function doorOf({ postgres, mysql }: Config['listen'], system: Upstream['system']) {
  return system === 'mysql'
    ? { scheme: 'mysql', address: mysql, tls: '?ssl-mode=REQUIRED' }
    : { scheme: 'postgres', address: postgres, tls: '?sslmode=require' }
}

/** One can listen on every address, but not connect to it. */
function reachable(address: { readonly host: string; readonly port: number }): typeof address {
  const { host, port } = address
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return host === '::' ? { host: '::1', port } : address
}
