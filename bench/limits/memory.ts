import { readFileSync } from 'node:fs'
import WebSocket from 'ws'
import type { Countersign } from '../../test/support/countersign.ts'

/** Of a process, in KiB, as Linux counts it. */
export function residentKiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0)
}

/** What lives in the data plane once the rubbish is gone, in KiB: JavaScript and buffers. */
export interface LiveMemory {
  live(): Promise<number>
  close(): void
}

/**
 * Asks the data plane's own inspector, which Node opens on SIGUSR1 at port 9229 of the loopback.
 * Resident memory tells too much here: it keeps what was used once.
 */
export async function openLiveMemory(proxy: Countersign): Promise<LiveMemory> {
  const from = proxy.stderr.length
  process.kill(proxy.pid, 'SIGUSR1')
  await proxy.said(/Debugger listening on ws:\S+/, from)
  const url = /Debugger listening on (ws:\S+)/.exec(proxy.stderr.slice(from))?.[1] ?? ''
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  let id = 0
  const call = (method: string, params: object = {}) =>
    new Promise<{ result?: { result?: { value?: number } } }>((resolve) => {
      const own = ++id
      const hear = (data: WebSocket.RawData) => {
        const message = JSON.parse(String(data))
        if (message.id !== own) return
        socket.off('message', hear)
        resolve(message)
      }
      socket.on('message', hear)
      socket.send(JSON.stringify({ id: own, method, params }))
    })
  const expression = '(m => m.heapUsed + m.external)(process.memoryUsage())'
  return {
    async live() {
      for (let times = 0; times < 3; times++) await call('HeapProfiler.collectGarbage')
      const { result } = await call('Runtime.evaluate', { expression })
      return Number(result?.result?.value ?? Number.NaN) / 1024
    },
    close: () => socket.terminate(),
  }
}
