import { hash } from 'node:crypto'
import { link, rename, unlink } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId } from '../lib/ids.ts'

/** sockaddr_un holds 104 bytes on some systems. */
const LONGEST_PATH = 100

export interface TrailLock {
  release(): Promise<void>
}

/**
 * Keeps a second process from writing the same chain. The lock is a unix socket that this process
 * listens on: the system ends it with the process, however that ends, and a process id that is used
 * again can't be mistaken for its owner.
 *
 * @throws Error when another process holds it
 */
export async function lockTrail(folder: string, chain: string): Promise<TrailLock> {
  const path = lockPath(folder, chain)
  const server = (await listen(path)) ?? (await takeOver(path))
  if (!server) throw new Error(`another process writes the trail ${chain} in ${folder}`)
  server.unref()
  return { release: () => new Promise((resolve) => server.close(() => resolve())) }
}

function lockPath(folder: string, chain: string): string {
  const path = join(folder, `${chain}.lock`)
  if (Buffer.byteLength(path) <= LONGEST_PATH) return path
  return join(tmpdir(), `countersign-${hash('sha256', path, 'hex').slice(0, 24)}.lock`)
}

function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null)
      else reject(error)
    })
    server.listen({ path, readableAll: false }, () => resolve(server))
  })
}

/**
 * Removes a socket that nobody listens on. It is renamed first and asked again under its new name,
 * so that one that another process has just made isn't removed but put back.
 */
async function takeOver(path: string): Promise<Server | null> {
  if (await isHeld(path)) return null
  const stale = `${path}.${newId()}`
  try {
    await rename(path, stale)
  } catch {
    return listen(path)
  }
  if (await isHeld(stale)) {
    await link(stale, path)
    await unlink(stale)
    return null
  }
  await unlink(stale)
  return listen(path)
}

function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
