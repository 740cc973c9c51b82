import type { Actions } from '../approval/actions.ts'
import type { ActionTokens } from '../identity/action-tokens.ts'
import type { ListedAgent } from './callers.ts'

/** What the routes of actions need. */
export interface ActionOptions {
  readonly actions: Actions
  readonly tokens: ActionTokens
  /** Undefined also for one that was revoked. */
  readonly find: (name: string) => ListedAgent | undefined
}
