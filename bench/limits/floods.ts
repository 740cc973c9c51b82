import net from 'node:net'
import type { Countersign } from '../../test/support/countersign.ts'
import { int32, untyped } from '../../test/support/e2e-raw.ts'
import { exactly, type Figure, told } from './figure.ts'
import { logIn } from './sessions.ts'

const LOGINS = 50
const DRIP_MS = 1_000

/** What a hostile connection says first, and then every second. */
interface Flood {
  readonly name: string
  readonly opens: Buffer
  readonly drips: Buffer | null
}

/** A record that announces a ClientHello of 512 bytes, and the first two of them. */
const HALF_CLIENT_HELLO = Buffer.from([0x16, 3, 1, 2, 0, 1, 0])

const FLOODS: readonly Flood[] = [
  { name: 'silent connections', opens: Buffer.alloc(0), drips: null },
  {
    name: 'startup packets at 1 byte/s',
    opens: Buffer.from([0, 0, 0x20]),
    drips: Buffer.from([0]),
  },
  {
    name: 'TLS that never gets past ClientHello',
    opens: HALF_CLIENT_HELLO,
    drips: Buffer.from([1]),
  },
  {
    name: 'TLS asked for and never begun',
    opens: untyped(int32(80877103)),
    drips: null,
  },
]

/** Keeps so many hostile connections open: whoever is thrown out comes back. */
class Attack {
  readonly #flood: Flood
  readonly #port: number
  readonly #sockets = new Set<net.Socket>()
  #timer: NodeJS.Timeout | undefined
  #over = false
  connections = 0

  constructor(port: number, flood: Flood) {
    this.#port = port
    this.#flood = flood
  }

  async begin(count: number): Promise<void> {
    const { drips } = this.#flood
    await Promise.all(Array.from({ length: count }, () => this.#connect()))
    if (drips === null) return
    this.#timer = setInterval(() => {
      for (const socket of this.#sockets) socket.write(drips)
    }, DRIP_MS)
  }

  #connect(): Promise<void> {
    return new Promise((resolve) => {
      const socket = net.connect({ port: this.#port, host: '127.0.0.1' })
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.resume()
      socket.once('connect', () => {
        this.connections++
        socket.write(this.#flood.opens)
        resolve()
      })
      socket.once('close', () => {
        this.#sockets.delete(socket)
        resolve()
        // A moment later: a flood that is only as fast as this process would measure this process.
        if (!this.#over) setTimeout(() => this.#over || void this.#connect(), 100)
      })
    })
  }

  end(): void {
    this.#over = true
    clearInterval(this.#timer)
    for (const socket of this.#sockets) socket.destroy()
  }
}

async function loginTimes(proxy: Countersign): Promise<{ good: number; median: number }> {
  const times: number[] = []
  for (let index = 0; index < LOGINS; index++) {
    const started = performance.now()
    const [client] = await logIn(proxy, 1).catch(() => [])
    if (client) times.push(performance.now() - started)
    client?.destroy()
  }
  times.sort((a, b) => a - b)
  return { good: times.length, median: times[Math.floor(times.length / 2)] ?? Number.NaN }
}

/** Whether others get in while thousands try to keep them out. */
export async function floods(proxy: Countersign, count: number): Promise<Figure[]> {
  const before = await loginTimes(proxy)
  const figures = [told('login, nobody else there: median', before.median, 'ms')]
  for (const flood of FLOODS) {
    const attack = new Attack(proxy.port, flood)
    await attack.begin(count)
    const during = await loginTimes(proxy)
    attack.end()
    figures.push(
      exactly(`${count} ${flood.name}: others got in`, during.good, '', LOGINS),
      told('  login beside them: median', during.median, 'ms'),
    )
  }
  return figures
}
