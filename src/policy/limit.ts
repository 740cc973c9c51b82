import { fitsAny, partFits } from '../lib/pattern.ts'

/** How much an agent may be sent before a person is asked, or it is refused. */
export interface LimitConfig {
  /** Agents, by name; each has its own count. */
  readonly agent: string
  /** Data classes; null means every row, whatever it holds. */
  readonly classes: readonly string[] | null
  readonly rowsPerStatement: number | null
  readonly rowsPerHour: number | null
  readonly bytesPerHour: number | null
  /** Different values of one class that it may look for; null leaves it at the default. */
  readonly lookupsPerHour: number | null
  readonly action: 'approve' | 'deny'
}

/** The limits that count what a statement of these classes sends this agent. */
export function limitsOn(
  limits: readonly LimitConfig[],
  agent: string,
  classes: readonly string[],
): readonly LimitConfig[] {
  return limits.filter(
    (limit) =>
      partFits(limit.agent, agent) &&
      (limit.classes === null || classes.some((one) => fitsAny(limit.classes ?? [], one))),
  )
}
