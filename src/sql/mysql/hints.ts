import type { Analysis } from './analysis.ts'
import { settingUse } from './settings.ts'
import type { Token } from './token.ts'

/** MySQL's hints: SET_VAR sets a variable for the statement, RESOURCE_GROUP moves its thread. */
export function checkHints({ findings }: Analysis, tokens: readonly Token[]): void {
  for (const { kind, text } of tokens) {
    if (kind !== 'hint') continue
    if (/resource_group/i.test(text)) findings.effect('server', 'a hint chooses a resource group')
    for (const found of text.matchAll(/set_var\s*\(\s*(?:@@)?`?(\w*)`?\s*=?([^)]*)/gi)) {
      const value = (found[2] ?? '').trim().replace(/^['"]|['"]$/g, '')
      const use = settingUse(found[1] ?? '', [value])
      if (use.kind === 'opaque') findings.opaque(`a hint: ${use.reason}`)
      else if (use.kind !== 'harmless' && use.kind !== 'transaction') {
        findings.effect(use.kind, `a hint: ${use.reason}`)
      }
    }
  }
}
