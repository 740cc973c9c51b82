import type { EffectReason } from './statement.ts'

/** The reason with where in the text it stands, counted from 1 as people do. */
export function reasonWithPlace({ reason, at }: EffectReason): string {
  return at === undefined ? reason : `${reason} (at character ${at + 1})`
}
