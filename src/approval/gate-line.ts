/**
 * One connection between data plane and control plane. Messages arrive in order or not at all.
 * Several may listen; when it closes all are told once, after which nothing is sent or received.
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
        if (open) for (const listener of theirs.message) listener(copy)
      })
    },
    onMessage(listener) {
      mine.message.push(listener)
    },
    onClose(listener) {
      mine.close.push(listener)
    },
  })
  const cut = (): void => {
    if (!open) return
    open = false
    for (const listener of sides.flatMap((side) => side.close)) listener()
  }
  return { ends: [end(sides[0], sides[1]), end(sides[1], sides[0])], cut }
}

interface Side {
  readonly message: ((message: unknown) => void)[]
  readonly close: (() => void)[]
}

function newSide(): Side {
  return { message: [], close: [] }
}
