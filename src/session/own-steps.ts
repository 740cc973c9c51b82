import { ProxyError } from '../lib/errors.ts'
import type { Exchange } from './exchange.ts'
import type { ClientFrame, Step } from './step.ts'

/** A Bind executes nothing yet. */
export function isExecuted({ request }: ClientFrame): boolean {
  return request.kind === 'query' || request.kind === 'execute' || request.kind === 'run'
}

/** What the proxy answers itself, in this step. */
export function ownOf(step: Step): Exchange | null {
  const executes = (step.kind === 'run' || step.kind === 'execute') && isExecuted(step.frame)
  return executes && step.exchange.own ? step.exchange : null
}

/** What the proxy answers itself it may have to ask for; what failed is told in its turn. */
export async function askOwn(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const exchange = ownOf(step)
    if (!exchange?.own) continue
    exchange.ownReply = await exchange.own.reply().catch((error: unknown) => {
      if (error instanceof ProxyError) return error
      throw error
    })
  }
}
