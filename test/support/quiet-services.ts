import { Estimates } from '../../src/session/foresight/estimates.ts'
import { Impacts, NOT_COUNTED } from '../../src/session/foresight/impact.ts'
import { Lookups } from '../../src/session/lookups.ts'
import type { Services } from '../../src/session/services.ts'
import { Usage } from '../../src/session/usage.ts'

type Given =
  | 'protocol'
  | 'clock'
  | 'openClassifier'
  | 'schema'
  | 'values'
  | 'policy'
  | 'gate'
  | 'trail'
  | 'scrub'
  | 'contextQuery'
  | 'limits'

/** Services of a house where nothing is estimated, counted or limited but what is given. */
export function quietServices(given: Pick<Services, Given> & Partial<Services>): Services {
  const { clock } = given
  return {
    schemas: null,
    holdMs: () => 20_000,
    bearsMs: () => Number.POSITIVE_INFINITY,
    auditMode: () => 'strict',
    auditSql: () => 'full',
    hmac: () => 'hmac',
    resolvingErrors: null,
    rollsBack: () => false,
    estimates: new Estimates(clock, async () => null),
    impacts: new Impacts(clock, async () => NOT_COUNTED),
    counters: { statements: 0, held: 0, refused: 0, maskedResults: 0, disagreements: 0, rows: 0 },
    rowLimits: () => [],
    usage: new Usage(clock),
    lookups: new Lookups(clock),
    ...given,
  }
}
