import { hostPort } from '../control/host-port.ts'
import { configAt } from './config-at.ts'
import { UsageError } from './usage-error.ts'

/**
 * Where the HTTP API is: `--url`, COUNTERSIGN_URL, or the address that a configuration names.
 * Throws UsageError where none of them tells.
 */
export async function controlUrl(
  options: { readonly url?: string; readonly config?: string },
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const given = options.url ?? (options.config === undefined ? env.COUNTERSIGN_URL : undefined)
  if (given !== undefined) return checked(given)
  if (options.config === undefined) {
    throw new UsageError('say where the proxy is: --config FILE, --url URL or COUNTERSIGN_URL')
  }
  const { control, publicUrl } = (await configAt({ env }, options.config)).listen
  if (control && control.port !== 0) return `http://${hostPort(reachable(control))}`
  if (publicUrl !== null) return checked(publicUrl)
  throw new UsageError('the configuration names no fixed port (listen: control); use --url')
}

/** One can listen on every address, but not call it. */
function reachable(control: { readonly host: string; readonly port: number }): typeof control {
  const { host, port } = control
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return host === '::' ? { host: '::1', port } : control
}

function checked(url: string): string {
  const ok = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)
  if (!ok) throw new UsageError(`${url} is not an http or https URL`)
  return url
}
