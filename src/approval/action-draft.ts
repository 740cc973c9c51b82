import { createHash } from 'node:crypto'
import type { Agent } from '../identity/principal.ts'
import { canonicalJson, type Json, prettyJson } from '../lib/canonical-json.ts'
import type { Requirement } from '../policy/decision.ts'
import type { RequestDraft } from './request.ts'

/** What an agent asks to do that isn't SQL. */
export interface AskedAction {
  /** `model.deploy` */
  readonly name: string
  readonly resource: string
  readonly context: Json
  /** The person on whose behalf the agent says it acts, or null. */
  readonly onBehalfOf: string | null
}

/** Bytes of an action's context, in its canonical form. */
export const MAX_CONTEXT = 16 * 1024

/** All of an action as one text, the same for the same action: what a person reads and signs. */
export function actionText({ name, resource, context, onBehalfOf }: AskedAction): string {
  const said = onBehalfOf === null ? {} : { on_behalf_of: onBehalfOf }
  return prettyJson({ action: name, resource, context, ...said })
}

/** SHA-256 (hex) of that text. */
export function actionSha256(asked: AskedAction): string {
  return sha256(actionText(asked))
}

/** SHA-256 (hex) of what an approval of an action is for: all of it, and who asks. */
export function actionBinding(agent: string, asked: AskedAction): string {
  const { name: action, resource, context, onBehalfOf } = asked
  const all = { kind: 'action', agent, action, resource, context, on_behalf_of: onBehalfOf }
  return sha256(canonicalJson(all))
}

export function actionDraft(
  agent: Agent,
  asked: AskedAction,
  needed: { readonly requirement: Requirement; readonly expiresMs: number },
): RequestDraft {
  const { name, resource, onBehalfOf } = asked
  const statement = actionText(asked)
  return {
    action: { name, resource },
    binding: actionBinding(agent.name, asked),
    // A grant is for a shape of SQL.
    shape: null,
    agent: agent.name,
    owners: agent.owners,
    credentialCreatedBy: agent.credentialCreatedBy,
    ...{ database: '', environment: null, onBehalfOf, claim: null },
    ...{ applicationName: '', session: 'action', verb: name },
    statement,
    statementSha256: sha256(statement),
    withoutConstants: null,
    fingerprint: sha256(canonicalJson({ kind: 'action', action: name, resource })),
    ...{ parameters: [], effects: [], tables: [], classes: [], asksClear: [], clearable: [] },
    ...{ estimatedRows: null, inTransaction: false, holdMs: 0 },
    requirements: [needed.requirement],
    expiresMs: needed.expiresMs,
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
