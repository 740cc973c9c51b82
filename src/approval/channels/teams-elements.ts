/*
 * The pieces that cards are made of. Whatever an agent or a person has written stands in text runs,
 * which Teams shows as they are: it reads markdown, mentions and links in every other text.
 */

export interface Run {
  readonly text: string
  readonly weight?: 'Bolder'
  readonly size?: 'Small' | 'Medium'
  readonly color?: 'Attention' | 'Warning'
  readonly fontType?: 'Monospace'
  readonly italic?: true
  readonly isSubtle?: true
  /** Where it leads. */
  readonly selectAction?: { readonly type: 'Action.OpenUrl'; readonly url: string }
}

export type Line = readonly Run[]

export function plain(text: string): Run {
  return { text }
}

export function bold(text: string): Run {
  return { text, weight: 'Bolder' }
}

export function italic(text: string): Run {
  return { text, italic: true }
}

/** A name that is to be seen as one: a data class. */
export function badge(text: string): Run {
  return { text, weight: 'Bolder', color: 'Attention' }
}

/** A place of our own; the words are ours too. */
export function link(url: string, text: string): Run {
  return { text, selectAction: { type: 'Action.OpenUrl', url } }
}

/** A paragraph. `close`: nothing between it and the one above. */
export function line(runs: Line, { close = false } = {}): unknown {
  return {
    type: 'RichTextBlock',
    ...(close ? { spacing: 'None' } : {}),
    inlines: runs.flatMap(textRuns),
  }
}

/** One below the other. */
export function lines(all: readonly Line[]): readonly unknown[] {
  return all.map((one, at) => line(one, { close: at > 0 }))
}

/** Lines below a title of our own; nothing where there are none. */
export function listing(title: string, all: readonly Line[]): readonly unknown[] {
  if (all.length === 0) return []
  return [
    line([bold(title)]),
    ...all.map((one) => line([plain('\u2022 '), ...one], { close: true })),
  ]
}

/**
 * A text as it is, a line of it a line. There is an element for code, which clients that don't know
 * it leave out without a word; these letters all of them show.
 */
export function code(text: string): unknown {
  const items = text.split('\n').map((each, at) => {
    const run = { text: unbroken(each), fontType: 'Monospace', size: 'Small' } as const
    return line([run], { close: at > 0 })
  })
  return { type: 'Container', style: 'emphasis', items }
}

/** A moment (ISO 8601) as the reader's own clock shows it, behind words of our own. */
export function moment(words: string, at: string): unknown {
  const utc = at.replace(/\.\d+Z$/, 'Z')
  const text = `${words}{{DATE(${utc}, SHORT)}} {{TIME(${utc})}}`
  return { type: 'TextBlock', text, wrap: true, spacing: 'None' }
}

/** `DATE(...)` and `TIME(...)` in double braces become a date, but not across two runs. */
function textRuns(run: Run): readonly unknown[] {
  const parts = run.text === '' ? [' '] : run.text.split(/(?<=\{)(?=\{)/)
  return parts.map((text) => ({ type: 'TextRun', ...run, text }))
}

/**
 * Blanks in a row would be drawn as one, and two statements that differ in them as the same. No
 * other text has U+00A0: it is written as an escape there.
 */
function unbroken(text: string): string {
  const [indent = ''] = /^[ \t]*/.exec(text) ?? []
  const rest = text.slice(indent.length)
  return (
    indent.replaceAll('\t', '    ').replaceAll(' ', NO_BREAK) +
    rest.replaceAll('\t', '\\u{9}').replace(/ {2,}/g, (run) => NO_BREAK.repeat(run.length))
  )
}

const NO_BREAK = '\u00a0'
