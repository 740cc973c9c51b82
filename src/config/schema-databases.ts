import { z } from 'zod'
import { DETECTIONS } from '../mask/detect/kinds.ts'
import { MASKS } from '../mask/plan.ts'
import { flag, integer, text } from './values.ts'

const DATA_CLASS = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/
export const dataClass = z
  .string()
  .regex(DATA_CLASS, 'is not a data class; write words joined by dots, like pii.email')

const columnPattern = z
  .string()
  .regex(
    /^([^.]+\.)?[^.]+\.[^.]+$/,
    'is not a column; write schema.table.column, where * stands for any within a part',
  )

export const database = z.strictObject({
  upstream: text(
    'postgres://user:password@host:port/database?sslmode=verify-full; a unix socket is %2Fpath as host.',
  ),
  environment: text('Shown to those who sign.').optional(),
  classified: z
    .record(columnPattern, dataClass)
    .default({})
    .describe('schema.table.column -> data class; * matches within a part; none: fit to see.'),
  trusted_functions: z
    .array(z.string().regex(/^[^.]+\.[^.]+$/, 'is not a function; write schema.function'))
    .default([])
    .describe('Functions of your own that are known to be harmless.'),
  strict: flag('Mask a new column beside classified ones until it has been judged.').default(false),
  detect: z
    .array(z.enum(DETECTIONS, { error: `is none of ${DETECTIONS.join(', ')}` }))
    .default([])
    .describe('Also hide what looks like these in text and JSON that nobody has classified.'),
})

/** YAML reads an unquoted null as nothing; here it is the mask of that name. */
const maskName = z
  .enum(MASKS)
  .nullable()
  .transform((name) => name ?? 'null')
export const mask = z.union(
  [
    maskName,
    z.strictObject({
      mask: maskName,
      keep_last: integer(0, 32, 'Characters that partial leaves.').optional(),
    }),
  ],
  { error: `is not a mask; write one of ${MASKS.join(', ')}, or { mask: partial, keep_last: 4 }` },
)

export const regulations = z
  .record(
    dataClass,
    z.string().trim().min(1, 'says nothing').max(80, 'is too long; use 80 characters'),
  )
  .default({})
  .describe('Data class (longest prefix wins) -> what it falls under: GDPR Art. 4(1).')
