import { z } from 'zod'
import { duration, text } from './values.ts'

export const audit = z
  .strictObject({
    mode: z
      .enum(['strict', 'all'], { error: 'is neither strict nor all' })
      .default('strict')
      .describe('all: synced before every forward.'),
    sql: z
      .enum(['full', 'redacted', 'fingerprint'], {
        error: 'is none of full, redacted, fingerprint',
      })
      .default('redacted'),
    checkpoint: z
      .strictObject({
        every: duration.prefault('60s').refine((ms) => ms > 0, 'must be more than 0'),
        key: text('Path of the Ed25519 key, PEM; made when it is not there.').optional(),
      })
      .prefault({}),
    sinks: z
      .array(z.strictObject({ otlp: z.string().optional(), webhook: z.string().optional() }))
      .default([]),
  })
  .prefault({})
