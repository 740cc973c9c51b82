import { rules } from '@secretlint/secretlint-rule-preset-recommend'
import type { Finding } from './kinds.ts'

/** What the rules ask of a file: its text alone is real. */
interface Source {
  readonly content: string
  readonly filePath: string
  readonly ext: string
  readonly contentType: 'text'
}

interface Rule {
  file(source: Source): unknown
}

interface RuleCreator {
  readonly meta: { readonly id: string }
  create(context: RuleContext, options: object): Rule
}

interface RuleContext {
  readonly sharedOptions: object
  createTranslator(): (id: string) => object
  report(found: { readonly range: readonly [number, number] }): void
  ignore(): void
}

/**
 * A comment could turn the others off; keys in PEM, also those in JSON, are found whole elsewhere; and
 * a pattern of the rule for npm looks 256 characters ahead at each http.
 */
const LEFT_OUT = ['filter-comments', 'privatekey', 'gcp', 'npm']
/** The rule for AWS looks for ids of keys only where it is asked to. */
const OPTIONS = { enableIDScanRule: true }

/** The preset's rules, made once; each tells what it finds as it looks. */
let ranges: (readonly [number, number])[] = []
const context: RuleContext = {
  sharedOptions: {},
  createTranslator: () => (id) => ({ message: id, messageId: id, data: {} }),
  report: ({ range }) => {
    ranges.push(range)
  },
  ignore: () => {},
}
const kept = (rules as unknown as readonly RuleCreator[])
  .filter(({ meta }) => !LEFT_OUT.some((name) => meta.id.endsWith(name)))
  .map((rule) => rule.create(context, OPTIONS))

/** What secretlint's recommended rules find: keys, tokens and passwords by the form of their issuer. */
export function findByKeptRules(text: string): Finding[] {
  ranges = []
  // What isn't ASCII would be a letter to some rules, and a key behind a letter none.
  const content = text.replace(/[^\0-\x7f]/g, ' ')
  const source: Source = { content, filePath: 'value', ext: '', contentType: 'text' }
  for (const rule of kept) {
    // A rule that answers later would report into another text.
    if (rule.file(source) instanceof Promise) throw new Error('a rule of secretlint is not at once')
  }
  return ranges.map(([start, end]) => ({ kind: 'api-key', start, end }))
}
