import { sameName } from '../identity/directory.ts'
import type { Findings } from './findings.ts'
import { problem } from './problems.ts'
import { type Block, block } from './raw-file.ts'

/** Two spellings of one address would be two people to a quorum. */
export function checkPeople(file: Block, { problems }: Findings): void {
  const seen = new Map<string, string>()
  for (const email of Object.keys(block(file.people))) {
    const first = seen.get(sameName(email))
    if (first === undefined) seen.set(sameName(email), email)
    else problems.push(problem(['people', email], `is the same person as ${first}; keep one`))
  }
}

/** One account elsewhere is one person, or a quorum of two could be one. */
export function checkIds(
  file: Block,
  key: 'slack' | 'teams' | 'oidc',
  { problems }: Findings,
): void {
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
export function checkOidc(file: Block, { problems, warnings }: Findings): void {
  if (file.oidc === undefined || file.oidc === null) return
  const { control, public_url: url } = block(file.listen)
  if (control === null) problems.push(problem(['oidc'], 'needs listen.control: people come there'))
  else if (url === undefined) {
    const text = 'has no listen.public_url: people are sent back to the control address'
    warnings.push(problem(['oidc'], text))
  }
}
