import { checkAgents } from './check-agents.ts'
import { checkSlack, checkTeams, checkWebhooks } from './check-channels.ts'
import { checkIds, checkOidc, checkPeople } from './check-people.ts'
import { checkGroups, checkRules } from './check-rules.ts'
import { checkListen, checkUpstreams } from './check-upstreams.ts'
import type { Findings } from './findings.ts'
import { block } from './raw-file.ts'

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
