import type { RawConfig } from './schema.ts'

/**
 * What the file asks for and this version doesn't do, where that would loosen something: a sentence
 * each. `start` refuses to run with any of them: a key that is read and not enforced would promise
 * what isn't kept.
 */
export function unsupportedKeys(raw: RawConfig): string[] {
  return [
    ...listenKeys(raw),
    ...when(raw.store !== 'embedded', 'store: only "embedded" is kept by this version'),
    ...when(raw.audit.sinks.length > 0, 'audit.sinks: this version ships records nowhere'),
  ]
}

function when(applies: boolean, sentence: string): string[] {
  return applies ? [sentence] : []
}

function listenKeys({ listen }: RawConfig): string[] {
  return when(listen.workers > 1, 'listen.workers: this version runs one data process')
}
