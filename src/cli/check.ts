import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { readConfig } from '../config/config-file.ts'
import { Credentials } from '../identity/credentials.ts'
import { IssuerKeys } from '../identity/issuer-keys.ts'
import { type Clock, systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import { checkDatabase } from './check-database.ts'
import type { CommandIo } from './io.ts'

const HELP = `
Reads the configuration, its files and certificates, and the schema of every database, and says all
that is wrong at once. Nothing is changed, and nothing is sent to the databases but reads of their
catalogs.

A problem keeps "countersign start" from doing what the file says; a warning is worth knowing: a
role that can do more than it should, a classified column that doesn't exist, a group of which
nobody is a member.

Exit codes: 0 no problem (there may be warnings), 1 problems.
`

export interface Report {
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Adds `check`. */
export function registerCheck(
  program: Command,
  io: CommandIo,
  parts: { readonly clock?: Clock } = {},
): void {
  program
    .command('check')
    .description('Check the configuration, and reach every database that it names')
    .requiredOption('--config <file>', 'the configuration')
    .option('--json', 'answer in JSON: {"ok","problems","warnings"}')
    .addHelpText('after', HELP)
    .action(async (options: { config: string; json?: boolean }) => {
      const report = await check(options.config, io.env, parts.clock ?? systemClock)
      say(io, options, report)
      io.exit(report.problems.length === 0 ? 0 : 1)
    })
}

function say(io: CommandIo, options: { config: string; json?: boolean }, report: Report): void {
  const { problems, warnings } = report
  if (options.json) {
    io.out(`${JSON.stringify({ ok: problems.length === 0, problems, warnings })}\n`)
    return
  }
  for (const problem of problems) io.out(`problem  ${problem}\n`)
  for (const warning of warnings) io.out(`warning  ${warning}\n`)
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`
  io.out(
    `${options.config}: ${count(problems.length, 'problem')}, ${count(warnings.length, 'warning')}\n`,
  )
}

/** All that is wrong with a configuration and with what it names. */
export async function check(path: string, env: CommandIo['env'], clock: Clock): Promise<Report> {
  const read = await readConfig({ path, env })
  if (!read.ok) return { problems: read.problems, warnings: [] }
  const { config } = read
  const databases = await Promise.all(
    [...config.databases.values()].map((database) => checkDatabase(database, config.data, clock)),
  )
  return {
    problems: [
      ...config.unsupported,
      ...checkCertificate(config),
      ...databases.flatMap((report) => report.problems),
    ],
    warnings: [
      ...read.warnings,
      ...checkAgents(config, clock),
      ...(await checkIssuers(config, clock)),
      ...databases.flatMap((report) => report.warnings),
    ],
  }
}

function checkCertificate({ listen: { tls } }: Config): string[] {
  if (!tls) return []
  try {
    const certificate = new X509Certificate(readFileSync(tls.cert))
    const key = createPrivateKey(readFileSync(tls.key))
    if (tls.clientCa !== null) new X509Certificate(readFileSync(tls.clientCa))
    return certificate.checkPrivateKey(key) ? [] : ['listen.tls: the key is not of the certificate']
  } catch (error) {
    return [`listen.tls: ${messageOf(error)}`]
  }
}

/** Without its issuer's keys an agent can't sign in; that may be so for a while. */
async function checkIssuers({ agents }: Config, clock: Clock): Promise<string[]> {
  const issuers = new Set([...agents.values()].flatMap(({ jwt }) => jwt?.issuer ?? []))
  const found = [...issuers].map((issuer) =>
    new IssuerKeys(issuer, clock).current().then(
      () => [],
      (error: unknown) => [`agents.*.jwt.issuer ${issuer}: ${messageOf(error)}`],
    ),
  )
  return (await Promise.all(found)).flat()
}

/** An agent without a secret can't sign in; that may be meant so, for a while. */
function checkAgents({ agents }: Config, clock: Clock): string[] {
  const credentials = new Credentials()
  return [...agents.values()].flatMap(({ name, credential, jwt, certificate, expires }) => {
    const say = (text: string) => `agents.${name}: ${text}`
    const expired = expires !== null && expires <= clock.now() ? [say('has expired')] : []
    if (credential === null && (jwt || certificate)) return expired
    if (credential === null) return [...expired, say('has no credential: and so no secret')]
    const trouble = credentials.trouble(name, credential)
    if (trouble !== null) return [...expired, say(trouble)]
    if (credentials.find(name, credential)) return expired
    if (credentials.revoked(name, credential)) return [...expired, say('has been shut out')]
    return [...expired, say(`has no secret yet: countersign agent add ${name} makes one`)]
  })
}
