import { LineCounter, parseDocument } from 'yaml'

const LARGEST_CONFIG = 1024 * 1024

/** The parser's own words may quote the text, secrets and all, so these are said instead. */
const SAID: Record<string, string> = {
  DUPLICATE_KEY: 'this key is there twice',
  TAB_AS_INDENT: 'a tab is used to indent; use blanks',
  BAD_INDENT: 'the indentation is wrong',
  MISSING_CHAR: 'a character is missing: a quote, a bracket or a colon with a blank',
  MULTILINE_IMPLICIT_KEY: 'a key runs over several lines; a quote or a colon may be missing',
  BAD_ALIAS: 'this alias has no anchor',
}

/** YAML 1.2 -> a plain value; or every problem, with its line. */
export function readYaml(text: string): { value: unknown } | { problems: string[] } {
  if (text.length > LARGEST_CONFIG) return { problems: ['the file: is larger than 1 MiB'] }
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false })
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ code, pos }) => {
      const { line, col } = lineCounter.linePos(pos[0])
      return `line ${line}, column ${col}: ${SAID[code] ?? `isn't valid YAML (${code})`}`
    })
    return { problems }
  }
  try {
    return { value: document.toJS({ maxAliasCount: 100 }) ?? {} }
  } catch {
    return { problems: ['the file: its aliases can not be resolved'] }
  }
}
