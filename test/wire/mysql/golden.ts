import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../support/project-root.ts'

const folder = join(projectRoot, 'test', 'wire', 'mysql', 'golden')

/** A conversation as a real server held it: commands without headers, replies as they came. */
export interface GoldenServer {
  readonly name: string
  readonly serverVersion: string
  readonly deprecateEof: boolean
  readonly capabilities: number
  readonly tracked: readonly string[]
  readonly tracksSchema: boolean
  readonly status: number
  readonly steps: readonly GoldenStep[]
}

export interface GoldenStep {
  readonly name: string
  readonly command: Buffer
  readonly reply: Buffer
}

/** What real clients answer to a greeting of caching_sha2_password. */
export interface GoldenClients {
  readonly scramble: string
  readonly password: string
  readonly clients: readonly {
    readonly client: string
    /** Over TCP in clear, header included. */
    readonly response: string
    /** How it begins where TLS is offered: the SSLRequest, and what it sent right behind. */
    readonly tls?: string
  }[]
}

const COM_STMT_PREPARE = 0x16
const NAMES_A_STATEMENT = new Set([0x17, 0x18, 0x19, 0x1a, 0x1c])

const hex = (text: string) => Buffer.from(text, 'hex')

export const goldenServers: readonly GoldenServer[] = [
  'mariadb-10.11',
  'mariadb-11.8',
  'mysql-9.7',
].flatMap((server) =>
  ['', '-deprecate-eof'].map((suffix) => {
    const name = `${server}${suffix}`
    const read = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))
    const steps = (read.steps as { name: string; command: string; reply: string }[]).map(
      (step) => ({ name: step.name, command: hex(step.command), reply: hex(step.reply) }),
    )
    return { ...read, name, steps: counted(steps) } as GoldenServer
  }),
)

/** The conversation as if the server counted its statements from 1, as the proxy does. */
function counted(steps: readonly GoldenStep[]): GoldenStep[] {
  const ids = new Map<number, number>()
  let count = 0
  return steps.map(({ name, command, reply }) => {
    if (command[0] === COM_STMT_PREPARE) {
      count++
      if (reply[4] === 0) {
        ids.set(reply.readUInt32LE(5), count)
        reply.writeUInt32LE(count, 5)
      }
    }
    if (NAMES_A_STATEMENT.has(command[0] ?? 0)) {
      command.writeUInt32LE(ids.get(command.readUInt32LE(1)) ?? 0, 1)
    }
    return { name, command, reply }
  })
}

export const goldenClients: GoldenClients = JSON.parse(
  readFileSync(join(folder, 'clients.json'), 'utf8'),
)
