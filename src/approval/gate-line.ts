/**
 * One connection between data plane and control plane. Messages arrive in order or not at all;
 * `onClose` is called once, after which nothing is sent or received.
 */
export interface GateLine {
  send(message: unknown): void
  onMessage(listener: (message: unknown) => void): void
  onClose(listener: () => void): void
}

/** Two ends of a line within one process. `cut` closes it for both. */
export function linePair(): { readonly ends: readonly [GateLine, GateLine]; cut(): void } {
  const sides = [newSide(), newSide()] as const
  let open = true
  const end = (mine: Side, theirs: Side): GateLine => ({
    send(message) {
      // As a message between processes would be: a copy, and later.
      const copy: unknown = JSON.parse(JSON.stringify(message))
      queueMicrotask(() => {
        if (open) theirs.message(copy)
      })
    },
    onMessage(listener) {
      mine.message = listener
    },
    onClose(listener) {
      mine.close = listener
    },
  })
  const cut = (): void => {
    if (!open) return
    open = false
    for (const side of sides) side.close()
  }
  return { ends: [end(sides[0], sides[1]), end(sides[1], sides[0])], cut }
}

interface Side {
  message: (message: unknown) => void
  close: () => void
}

function newSide(): Side {
  return { message: () => {}, close: () => {} }
}
