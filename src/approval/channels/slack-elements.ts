import type { KnownBlock } from '@slack/types'
import { cut } from './cut.ts'

/*
 * The pieces that Slack messages are made of. Whatever an agent has made stands in plain_text or in
 * the text elements of rich_text, which Slack shows as they are: no mention, link or format comes of
 * them. There is no mrkdwn here.
 */

interface Style {
  readonly bold?: boolean
  readonly italic?: boolean
  readonly code?: boolean
}

export type Element =
  | { readonly type: 'text'; readonly text: string; readonly style?: Style }
  | { readonly type: 'link'; readonly url: string; readonly text: string }
  | {
      readonly type: 'date'
      /** Seconds since the epoch. */
      readonly timestamp: number
      readonly format: string
      readonly fallback: string
    }

export function plain(text: string): Element {
  return { type: 'text', text }
}

export function bold(text: string): Element {
  return { type: 'text', text, style: { bold: true } }
}

export function italic(text: string): Element {
  return { type: 'text', text, style: { italic: true } }
}

/** A name that is to be seen as one: a data class. */
export function badge(text: string): Element {
  return { type: 'text', text, style: { code: true } }
}

/** A place of our own; the words are ours too. */
export function link(url: string, text: string): Element {
  return { type: 'link', url, text }
}

/** A moment as the reader's own clock shows it. `at`: ISO 8601. */
export function moment(at: string): Element {
  const timestamp = Math.floor(Date.parse(at) / 1000)
  return { type: 'date', timestamp, format: '{date_short_pretty} at {time}', fallback: at }
}

/** Paragraphs, one a line. */
export function section(lines: readonly (readonly Element[])[]): unknown {
  const elements = lines.flatMap((line, at) => (at === 0 ? line : [plain('\n'), ...line]))
  // Slack refuses a section without elements, and a text of no characters.
  return { type: 'rich_text_section', elements: elements.length > 0 ? elements : [plain(' ')] }
}

export function code(text: string, language?: 'sql'): unknown {
  const elements = [plain(text === '' ? ' ' : text)]
  return { type: 'rich_text_preformatted', elements, ...(language ? { language } : {}) }
}

export function list(lines: readonly (readonly Element[])[]): unknown {
  const elements = lines.map((line) => section([line]))
  return { type: 'rich_text_list', style: 'bullet', elements }
}

export function richText(...elements: readonly unknown[]): unknown {
  return { type: 'rich_text', elements }
}

export function header(text: string): unknown {
  return { type: 'header', text: plainText(cut(text, HEADER_MAX)) }
}

export function context(text: string): unknown {
  return { type: 'context', elements: [plainText(text)] }
}

export function plainText(text: string) {
  return { type: 'plain_text', text, emoji: false } as const
}

/** Slack: the plain_text of a header has 150 characters at most. */
const HEADER_MAX = 150

/** Characters of JSON, by which Slack measures the blocks of a message. */
export function sizeOf(blocks: readonly unknown[]): number {
  return JSON.stringify(blocks).length
}

export function blocksOf(blocks: readonly unknown[]): readonly KnownBlock[] {
  return blocks as readonly KnownBlock[]
}
