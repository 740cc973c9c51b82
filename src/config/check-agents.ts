import { isIP } from 'node:net'
import type { Findings } from './findings.ts'
import { problem } from './problems.ts'
import { type Block, block, groupsOf, texts } from './raw-file.ts'

export function checkAgents(file: Block, { problems, warnings }: Findings): void {
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

function isNetwork(text: string): boolean {
  const [host = '', bits] = text.split('/')
  const family = isIP(host)
  if (family === 0) return false
  if (bits === undefined) return true
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}
