import type { Clock } from '../../lib/clock.ts'
import { connectUpstream, type UpstreamTarget } from '../../net/upstream-target.ts'
import type { CancelKey } from '../../wire/handshake.ts'
import type { WireProtocol } from '../../wire/protocol.ts'
import type { AnyRequest } from '../../wire/requests.ts'

const CANCEL_MS = 5_000

/** Asks a database to cancel what a session does; resolves when it has taken that, or won't. */
export async function cancelUpstream(
  protocol: WireProtocol<AnyRequest>,
  clock: Clock,
  { target, key }: { readonly target: UpstreamTarget; readonly key: CancelKey },
): Promise<void> {
  const channel = connectUpstream(target)
  const stopTimer = clock.after(CANCEL_MS, () =>
    channel.connection.destroy('the database did not take the cancel'),
  )
  try {
    await protocol.cancel(channel, target.login, key)
  } catch {
    // A cancel has no answer; the statement goes on, as it may when the server is asked directly.
  } finally {
    stopTimer()
    channel.connection.destroy('the cancel is sent')
  }
}
