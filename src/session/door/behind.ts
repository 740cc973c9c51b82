import type { UpstreamTarget } from '../../net/upstream-target.ts'
import type { Services } from '../services.ts'

/** One database behind the door. */
export interface Behind {
  readonly services: Services
  readonly target: UpstreamTarget
  readonly environment: string | null
}
