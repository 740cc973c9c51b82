import { closeSync, fdatasync, fsync, openSync, unlinkSync, writeSync } from 'node:fs'
import { promisify } from 'node:util'

const fdatasyncAsync = promisify(fdatasync)
const fsyncAsync = promisify(fsync)

/** What the trail asks of the disk; a test puts a failing one in its place. */
export interface FileOps {
  /** Creates a file that must not be there, for appending, mode 0600. */
  create(path: string): number
  /** Returns how many bytes were taken, which may be fewer than given. */
  write(fd: number, bytes: Buffer, offset: number): number
  sync(fd: number): Promise<void>
  syncFolder(path: string): Promise<void>
  close(fd: number): void
  unlink(path: string): void
}

export const diskOps: FileOps = {
  create: (path) => openSync(path, 'ax', 0o600),
  write: (fd, bytes, offset) => writeSync(fd, bytes, offset),
  sync: (fd) => fdatasyncAsync(fd),
  async syncFolder(path) {
    const fd = openSync(path, 'r')
    try {
      await fsyncAsync(fd)
    } finally {
      closeSync(fd)
    }
  },
  close: closeSync,
  unlink: unlinkSync,
}
