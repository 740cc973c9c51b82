import type { ChildProcess } from 'node:child_process'
import type { GateLine } from '../approval/gate-line.ts'

/** The parent's end of a forked process' channel. */
export function lineToChild(child: ChildProcess): GateLine {
  return {
    send(message) {
      // What can't be sent any more was for a process that has gone; `onClose` follows.
      if (child.connected) child.send(message as object, () => {})
    },
    onMessage(listener) {
      child.on('message', listener)
    },
    onClose(listener) {
      let closed = false
      const once = (): void => {
        if (!closed) listener()
        closed = true
      }
      child.once('disconnect', once)
      child.once('exit', once)
    },
  }
}
