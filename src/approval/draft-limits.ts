import { createHash } from 'node:crypto'
import { ProxyError } from '../lib/errors.ts'
import type { RequestDraft } from './request.ts'

/** Characters of statement and parameters that a request can carry; nobody reads more. */
export const MAX_SHOWN = 1024 * 1024

/** Throws STATEMENT_DENIED where a draft is too large for any person to have read what they sign. */
export function checkDraftSize(draft: RequestDraft): void {
  const size = shownCharacters(draft)
  if (size <= MAX_SHOWN) return
  const text = `with its parameters this statement has ${size} characters; a person can be asked to approve ${MAX_SHOWN} at most`
  throw new ProxyError('STATEMENT_DENIED', text, {
    hint: 'Send it as several smaller statements.',
  })
}

/** Throws INTERNAL where the hash that people compare isn't that of the text that they read. */
export function checkDraftHash(draft: RequestDraft): void {
  const actual = createHash('sha256').update(draft.statement, 'utf8').digest('hex')
  if (actual === draft.statementSha256) return
  throw new ProxyError('INTERNAL', 'statementSha256 is not the SHA-256 of the statement')
}

/** Characters that a person has to read. */
export function shownCharacters(draft: RequestDraft): number {
  let size = draft.statement.length
  for (const parameter of draft.parameters) size += parameter.value?.length ?? 0
  return size
}
