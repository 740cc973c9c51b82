import type { ApprovalRequest } from '../../approval/request.ts'
import { type Html, html } from './html.ts'
import { markedText, noOddities, type Oddities } from './marked-text.ts'
import { type SqlToken, sqlTokens } from './sql-tokens.ts'

/** Characters beyond which colours are left away; every character is there all the same. */
const COLOURED = 200_000
/** From so many lines or characters on the reader is told how much there is to read. */
const LONG_LINES = 25
const LONG_CHARACTERS = 2_000

/** The whole statement, never a part of it, with its size, its hash and what is odd about it. */
export function statementPanel(request: ApprovalRequest): Html {
  const { statement, statementSha256 } = request
  const found = noOddities()
  const code = statementCode(statement, found)
  const size = sizeOf(statement)
  return html`<section class="panel statement" aria-labelledby="statement-title">
<h2 id="statement-title">${request.action ? 'Action' : 'Statement'}</h2>
${size.long && html`<p class="note" id="length">This statement is long: <strong>${size.words}</strong>. All of it is on this page.</p>`}
${warnings(found)}
<pre class="sql"><code>${code}</code></pre>
<p class="fine">${size.words}, to the end<span class="hash">sha256 ${statementSha256}</span></p>
</section>`
}

export function statementCode(statement: string, found: Oddities = noOddities()): Html {
  if (statement.length > COLOURED) return markedText(statement, { everyLetter: true, found })
  return html`${sqlTokens(statement).map((token) => tokenHtml(token, found))}`
}

function tokenHtml({ kind, text }: SqlToken, found: Oddities): Html {
  const marked = markedText(text, { everyLetter: kind !== 'string' && kind !== 'comment', found })
  return kind === 'blank' || kind === 'symbol' || kind === 'name'
    ? marked
    : html`<span class="${kind}">${marked}</span>`
}

export function sizeOf(statement: string): { readonly words: string; readonly long: boolean } {
  const lines = statement.split(/\r\n|[\r\n\u2028\u2029]/).length
  const characters = statement.length
  return {
    words: `${plural(lines, 'line')}, ${plural(characters, 'character')}`,
    long: lines > LONG_LINES || characters > LONG_CHARACTERS,
  }
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`
}

function warnings({ unseen, lookalikes }: Oddities): Html | null {
  if (unseen.size === 0 && lookalikes.size === 0) return null
  return html`<p class="warning" role="note">${
    unseen.size > 0 &&
    html`Has characters that don't show, written out below as ${listed(unseen)}. `
  }${
    lookalikes.size > 0 &&
    html`Has letters or signs outside ASCII, underlined, which may look like others: ${listed(lookalikes)}.`
  }</p>`
}

function listed(counts: ReadonlyMap<string, number>): Html {
  const names = [...counts].slice(0, 8)
  const more = counts.size - names.length
  return html`${names.map(
    ([name, count], at) =>
      html`${at > 0 && ', '}<b>${name}</b>${count > 1 && ` (${count.toLocaleString('en')} times)`}`,
  )}${more > 0 && ` and ${more} more`}`
}
