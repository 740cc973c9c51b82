import { webhookKey } from '../approval/channels/webhook-key.ts'
import type { Findings } from './findings.ts'
import { problem } from './problems.ts'
import { type Block, block } from './raw-file.ts'

/** Slack's requests come to the address of the inbox and the API. */
export function checkSlack(file: Block, { problems, warnings }: Findings): void {
  const { signing_secret: secret, app_token: token } = block(block(file.channels).slack)
  if (secret === undefined) return
  if (block(file.listen).control === null) {
    const path = ['channels', 'slack', 'signing_secret']
    problems.push(problem(path, 'needs listen.control: Slack comes there'))
  }
  if (token === undefined) return
  const path = ['channels', 'slack', 'app_token']
  warnings.push(problem(path, 'is not used: signing_secret means HTTP instead of Socket Mode'))
}

/** How Entra writes what it knows: of people, tenants and apps. */
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Teams' requests come to the same address; whom they are of it says by object ids. */
export function checkTeams(file: Block, { problems, warnings }: Findings): void {
  const teams = block(block(file.channels).teams)
  if (teams.app_id === undefined) return
  if (block(file.listen).control === null) {
    const path = ['channels', 'teams', 'app_id']
    problems.push(problem(path, 'needs listen.control: Teams comes there'))
  }
  if (typeof teams.tenant === 'string' && !GUID.test(teams.tenant)) {
    const path = ['channels', 'teams', 'tenant']
    warnings.push(problem(path, "is not a tenant's id, so every click will be refused"))
  }
  for (const [email, person] of Object.entries(block(file.people))) {
    const { teams: id } = block(person)
    if (typeof id !== 'string' || GUID.test(id)) continue
    const path = ['people', email, 'teams']
    warnings.push(problem(path, 'is not an Entra object id, so their clicks will be refused'))
  }
}

/** Fewer bytes than that can be guessed; Standard Webhooks asks for 24 to 64. */
const LEAST_SECRET = 24

export function checkWebhooks(file: Block, { warnings }: Findings): void {
  const { webhooks } = block(file.channels)
  const list = Array.isArray(webhooks) ? webhooks : []
  list.forEach((webhook, i) => {
    const { secret } = block(webhook)
    if (typeof secret !== 'string' || secret === '') return
    const key = webhookKey(secret)
    const path = ['channels', 'webhooks', i, 'secret']
    if (key === null) warnings.push(problem(path, 'is not base64: its bytes are taken as they are'))
    if ((key ?? Buffer.from(secret)).length < LEAST_SECRET) {
      warnings.push(problem(path, `is short; make one of ${LEAST_SECRET} bytes or more`))
    }
  })
}
