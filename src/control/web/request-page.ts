import { statusOf } from '../../approval/channels/rendering.ts'
import type { Regulations } from '../../approval/regulations.ts'
import type { ApprovalRequest } from '../../approval/request.ts'
import type { Directory } from '../../identity/directory.ts'
import { reasonWithPlace } from '../../sql/effect-place.ts'
import { type DecideContext, decideBar } from './decide-bar.ts'
import { type GlassContext, glassPanel } from './glass-panel.ts'
import { type Html, html } from './html.ts'
import { markedText, noOddities } from './marked-text.ts'
import { countdown } from './moments.ts'
import { livePart } from './page-frame.ts'
import { requestFacts } from './request-facts.ts'
import { addressOf, place, stateBadge, titleOf } from './request-words.ts'
import { statementPanel } from './statement-panel.ts'

export interface RequestContent extends DecideContext, GlassContext {
  readonly request: ApprovalRequest
  readonly directory: Directory
  readonly regulations: Regulations
  /** Those beside it that wait, in the order of the list. */
  readonly before: ApprovalRequest | null
  readonly after: ApprovalRequest | null
  /** YAML of a rule that would allow it, to copy; null where none is proposed. */
  readonly rule: string | null
  /** False where only what changes is asked for: statement and parameters never do. */
  readonly whole: boolean
}

/** One request on one screen; the bar that decides comes last, behind all that is to be read. */
export function requestPage(content: RequestContent): Html {
  const { request, directory, notice } = content
  return html`<nav class="steps" aria-label="Requests">${livePart('steps', steps(content))}</nav>
${notice !== null && html`<p class="notice ${notice.kind}" role="alert" id="notice">${notice.text}</p>`}
<article data-request="${request.id}" aria-labelledby="title">
${livePart('head', head(content))}
<div class="columns"><div class="reading">
${content.whole && [statementPanel(request), parameters(request)]}
${request.action ? null : reasons(request)}
${content.rule !== null && ruleToCopy(content.rule)}
</div>
${livePart('facts', requestFacts(request, directory, content.regulations))}</div>
${glassPanel(content)}
${decideBar(content)}
</article>`
}

function steps({ before, after }: RequestContent): Html {
  return html`<a id="back" href="/inbox">← Inbox</a>${before !== null && html` <a id="previous" rel="prev" href="${addressOf(before.id)}">Previous</a>`}${after !== null && html` <a id="next" rel="next" href="${addressOf(after.id)}">Next</a>`}`
}

function head({ request, now }: RequestContent): Html {
  const open = request.state === 'pending'
  return html`<header class="request-head"><h1 id="title">${titleOf(request)}</h1>
<p class="about">${place(request)} ${stateBadge(request)} ${
    open
      ? html`<span class="left">${countdown(request.expiresAt, now)} <span class="fine">left</span></span> <span class="fine">${waits(request)}</span>`
      : html`<span class="outcome">${statusOf(request)}</span>`
  }</p></header>`
}

function waits({ waiting, action }: ApprovalRequest): string {
  if (action) return 'its agent asks again and again: approved, it may do this once'
  return waiting === 'ticket'
    ? "its connection doesn't wait any more: approved, it runs when the agent sends it again"
    : 'its connection waits: approved, it runs at once'
}

function parameters({ parameters: all }: ApprovalRequest): Html | null {
  if (all.length === 0) return null
  const found = noOddities()
  return html`<section class="panel" aria-labelledby="parameters-title"><h2 id="parameters-title">Parameters</h2>
<div class="scroll"><table><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Value</th></tr></thead><tbody>${all.map(
    ({ type, value }, at) =>
      html`<tr><th scope="row">$${at + 1}</th><td>${type === null ? html`<span class="fine">not said</span>` : markedText(type)}</td><td class="value">${
        value === null
          ? html`<span class="keyword">NULL</span>`
          : html`<code class="sql">${markedText(value, { found })}</code>`
      }</td></tr>`,
  )}</tbody></table></div></section>`
}

/** It shows a text to copy and changes nothing: whoever may edit the configuration decides. */
function ruleToCopy(rule: string): Html {
  return html`<section class="panel"><details class="rule"><summary>Make it a rule</summary>
<p class="fine">Copy it into <code>rules:</code> of the configuration, where such statements need nobody any more. Nothing happens by itself.</p>
<pre class="sql" id="proposed-rule"><code>${markedText(rule)}</code></pre></details></section>`
}

function reasons({ effects }: ApprovalRequest): Html {
  return html`<section class="panel" aria-labelledby="effects-title"><h2 id="effects-title">What it does</h2>
<ul class="reasons">${effects.map((each) => html`<li><span class="badge effect-${each.effect}">${each.effect}</span> <span>${markedText(reasonWithPlace(each))}</span></li>`)}</ul></section>`
}
