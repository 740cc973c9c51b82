import { readFileSync, writeFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import type { Countersign } from './countersign.ts'

// biome-ignore lint/suspicious/noExplicitAny: a configuration as a person edits it
export type Edited = any

/** Writes the edited configuration and resolves with what the proxy says of it. */
export function edit(proxy: Countersign, change: (config: Edited) => void): Promise<string> {
  const config = parse(readFileSync(proxy.configPath, 'utf8'))
  change(config)
  return write(proxy, stringify(config))
}

export async function write(proxy: Countersign, text: string): Promise<string> {
  const from = proxy.stderr.length
  writeFileSync(proxy.configPath, text)
  await proxy.said(/has been reloaded|stays as it was/, from)
  return proxy.stderr.slice(from)
}

/** A key of a rule; an object that has it in its text looks like a promise to the linter. */
const THEN = 'then'

export function rule(name: string, when: object, action: object | string) {
  return { name, when, [THEN]: action }
}
