import { isIP } from 'node:net'
import { webhookKey } from '../approval/channels/webhook-key.ts'
import { sameName } from '../identity/directory.ts'
import { problem } from './problems.ts'
import { parseUpstream, sameDatabase } from './upstream-url.ts'

export interface Findings {
  readonly problems: string[]
  readonly warnings: string[]
}

type Block = Readonly<Record<string, unknown>>

/**
 * What no single value shows: names that lead nowhere, names used twice. It reads the file as it
 * is, whatever else is wrong with it, so that everything is said at once.
 */
export function crossCheck(raw: unknown): Findings {
  const file = block(raw)
  const findings: Findings = { problems: [], warnings: [] }
  checkListen(file, findings)
  checkUpstreams(file, findings)
  checkAgents(file, findings)
  checkRules(file, findings)
  checkGroups(file, findings)
  checkPeople(file, findings)
  checkIds(file, 'slack', findings)
  checkIds(file, 'teams', findings)
  checkIds(file, 'oidc', findings)
  checkOidc(file, findings)
  checkWebhooks(file, findings)
  checkSlack(file, findings)
  checkTeams(file, findings)
  return findings
}

function block(value: unknown): Block {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Block)
    : {}
}

function texts(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value]
  return list.filter((item): item is string => typeof item === 'string')
}

/** mysql_native_password is accepted inside TLS only. */
function checkListen(file: Block, { problems }: Findings): void {
  const { mysql_native_password: native, tls } = block(file.listen)
  if (native !== true && native !== 'true') return
  if (tls !== undefined && tls !== null) return
  problems.push(
    problem(['listen', 'mysql_native_password'], 'needs listen.tls: it is for TLS only'),
  )
}

function checkUpstreams(file: Block, { problems, warnings }: Findings): void {
  const listen = block(file.listen)
  for (const [name, database] of Object.entries(block(file.databases))) {
    const { upstream } = block(database)
    if (typeof upstream !== 'string' || upstream === '') continue
    const parsed = parseUpstream(upstream)
    const path = ['databases', name, 'upstream']
    if ('problem' in parsed) problems.push(problem(path, parsed.problem))
    else {
      const [door, other] =
        parsed.system === 'mysql' ? ['mysql', 'postgres'] : ['postgres', 'mysql']
      const closed = !listen[door] && listen[other]
      if (closed) warnings.push(problem(path, `nobody can connect to it without listen.${door}`))
    }
    if (typeof file.store === 'string' && sameDatabase(upstream, file.store)) {
      problems.push(
        problem(path, 'is the store: of the approvals, which no agent may reach; use another'),
      )
    }
  }
}

function checkAgents(file: Block, { problems, warnings }: Findings): void {
  const databases = Object.keys(block(file.databases))
  const known = new Set([...Object.keys(block(file.people)), ...groupsOf(file)])
  for (const [name, agent] of Object.entries(block(file.agents))) {
    const { databases: wanted, owners, networks, jwt, certificate } = block(agent)
    if (certificate !== undefined && block(block(file.listen).tls).client_ca === undefined) {
      const path = ['agents', name, 'certificate']
      problems.push(problem(path, 'needs listen.tls.client_ca: who signs certificates of agents'))
    }
    if (jwt !== undefined && !block(file.listen).tls) {
      problems.push(
        problem(['agents', name, 'jwt'], 'needs listen.tls: tokens are taken inside TLS only'),
      )
    }
    for (const missing of texts(wanted).filter((database) => !databases.includes(database))) {
      const path = ['agents', name, 'databases']
      problems.push(problem(path, `${missing} is not one of databases: (${databases.join(', ')})`))
    }
    for (const owner of texts(owners).filter((owner) => !known.has(owner))) {
      const path = ['agents', name, 'owners']
      warnings.push(problem(path, `${owner} is neither one of people: nor a group of theirs`))
    }
    for (const network of texts(networks).filter((network) => !isNetwork(network))) {
      const path = ['agents', name, 'networks']
      problems.push(problem(path, `${network} is not a CIDR block like 10.0.0.0/8`))
    }
  }
}

function checkRules(file: Block, { problems }: Findings): void {
  const seen = new Map<string, number>()
  const rules = Array.isArray(file.rules) ? file.rules : []
  rules.forEach((rule, i) => {
    const { name } = block(rule)
    if (typeof name !== 'string') return
    const first = seen.get(name)
    if (first === undefined) seen.set(name, i)
    else
      problems.push(problem(['rules', i, 'name'], `${name} is already the name of rules[${first}]`))
  })
}

/** A rule that asks for a group without members can never be satisfied: worth saying, not fatal. */
function checkGroups(file: Block, { warnings }: Findings): void {
  // Then nobody knows from the file who is in a group.
  if (block(file.oidc).groups_claim !== undefined) return
  const groups = groupsOf(file)
  const rules = Array.isArray(file.rules) ? file.rules : []
  rules.forEach((rule, i) => {
    const { approve } = block(block(rule).then)
    for (const group of texts(block(approve).by).filter((group) => !groups.has(group))) {
      const path = ['rules', i, 'then', 'approve', 'by']
      warnings.push(problem(path, `nobody of people: is in the group ${group}, so nobody can sign`))
    }
    for (const group of texts(block(approve).escalate_to).filter((group) => !groups.has(group))) {
      const path = ['rules', i, 'then', 'approve', 'escalate_to']
      warnings.push(problem(path, `nobody of people: is in the group ${group}`))
    }
  })
  if (!groups.has('approvers')) {
    warnings.push(
      problem(['people'], 'nobody is in the group approvers, which signs where no rule says who'),
    )
  }
}

function groupsOf(file: Block): Set<string> {
  return new Set(Object.values(block(file.people)).flatMap((person) => texts(block(person).groups)))
}

/** Two spellings of one address would be two people to a quorum. */
function checkPeople(file: Block, { problems }: Findings): void {
  const seen = new Map<string, string>()
  for (const email of Object.keys(block(file.people))) {
    const first = seen.get(sameName(email))
    if (first === undefined) seen.set(sameName(email), email)
    else problems.push(problem(['people', email], `is the same person as ${first}; keep one`))
  }
}

/** One account elsewhere is one person, or a quorum of two could be one. */
function checkIds(file: Block, key: 'slack' | 'teams' | 'oidc', { problems }: Findings): void {
  const seen = new Map<string, string>()
  for (const [email, person] of Object.entries(block(file.people))) {
    const given = block(person)[key]
    if (typeof given !== 'string') continue
    const id = key === 'teams' ? given.toLowerCase() : given
    const first = seen.get(id)
    if (first === undefined) seen.set(id, email)
    else problems.push(problem(['people', email, key], `is already the id of ${first}`))
  }
}

/** The provider sends people back to the inbox, by an address that it knows. */
function checkOidc(file: Block, { problems, warnings }: Findings): void {
  if (file.oidc === undefined || file.oidc === null) return
  const { control, public_url: url } = block(file.listen)
  if (control === null) problems.push(problem(['oidc'], 'needs listen.control: people come there'))
  else if (url === undefined) {
    const text = 'has no listen.public_url: people are sent back to the control address'
    warnings.push(problem(['oidc'], text))
  }
}

/** Slack's requests come to the address of the inbox and the API. */
function checkSlack(file: Block, { problems, warnings }: Findings): void {
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
function checkTeams(file: Block, { problems, warnings }: Findings): void {
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

function checkWebhooks(file: Block, { warnings }: Findings): void {
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

function isNetwork(text: string): boolean {
  const [host = '', bits] = text.split('/')
  const family = isIP(host)
  if (family === 0) return false
  if (bits === undefined) return true
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}
