import type { Regulations } from '../regulations.ts'
import type { ApprovalRequest } from '../request.ts'

/** `redacted`: constants of statements that touch a data class don't go into a chat. */
export type ChatText = 'full' | 'redacted'

/** How a chat's messages are to show requests. */
export interface ChatView {
  readonly text: ChatText
  readonly regulations: Regulations
  /** Requests that the chat has found too long, whatever they were measured to be. */
  readonly shortened: Set<string>
  /** Where a request is to be read; nothing is decided by following it. */
  readonly urlOf: (id: string) => string
  /** YAML of a rule that would let it pass; null where none is proposed. */
  readonly ruleFor?: (request: ApprovalRequest) => string | null
  /** True where people can say which account is theirs. */
  readonly linking?: boolean
}
