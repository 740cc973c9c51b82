import { createHash } from 'node:crypto'
import type { Assets } from './assets.ts'
import { type Html, html } from './html.ts'

/** What every page knows of whoever looks at it, and of the moment. */
export interface Frame {
  readonly assets: Assets
  /** Milliseconds since the epoch: countdowns go by this clock, not by the reader's. */
  readonly now: number
  /** Who is signed in; null on the way in. */
  readonly viewer: { readonly person: string; readonly formToken: string } | null
  /** How many requests wait; stands in the title. */
  readonly pending: number
}

export interface PageContent {
  readonly title: string
  readonly main: Html
  /** The address among the links on top; null or left out where it is none of them. */
  readonly at?: string | null
  /** How a page without scripts keeps up; null where it may not go away under the reader's hands. */
  readonly refreshSeconds?: number | null
}

/** The whole document. Its text holds nothing that runs: scripts and styles are files of ours. */
export function page(
  frame: Frame,
  { title, main, at = null, refreshSeconds = null }: PageContent,
): string {
  const { assets, viewer, pending } = frame
  const count = viewer !== null && pending > 0 ? `(${pending}) ` : ''
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${count}${title} · Countersign</title>
<link rel="icon" href="${assets.at('icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.at('inbox.css')}">
<script type="module" src="${assets.at('inbox.js')}"></script>
${refreshSeconds !== null && html`<noscript><meta http-equiv="refresh" content="${refreshSeconds}"></noscript>`}
</head>
<body data-now="${frame.now}"${viewer !== null && html` data-signed-in`}>
<a class="skip" href="#main">Skip to the content</a>
${header(frame)}
${viewer !== null && links(at)}
<p id="connection" class="connection" role="status" hidden></p>
<main id="main" tabindex="-1">${main}</main>
${viewer !== null && foot()}
</body>
</html>
`
  return document.toString()
}

/** A part that a script replaces when its content has changed; ids don't repeat. */
export function livePart(id: string, content: Html): Html {
  const version = createHash('sha256').update(content.toString()).digest('base64url').slice(0, 12)
  return html`<div id="${id}" data-live="${version}">${content}</div>`
}

function header({ viewer, pending, assets }: Frame): Html {
  return html`<header class="top">
<a class="brand" href="/inbox"><img src="${assets.at('icon.svg')}" alt="" width="24" height="24">Countersign</a>
${
  viewer !== null &&
  html`${livePart('waiting', html`${pending > 0 && html`<a class="waiting" href="/inbox"><b>${pending}</b> waiting</a>`}`)}
<div class="who"><a class="person" href="/inbox/me" title="Signed in as ${viewer.person}">${viewer.person}</a>
<button type="button" class="quiet" id="show-help" aria-haspopup="dialog" aria-keyshortcuts="?" hidden>Keys</button>
<form method="post" action="/inbox/sign-out"><input type="hidden" name="form" value="${viewer.formToken}"><button class="quiet">Sign out</button></form></div>`
}
</header>`
}

const LINKS = [
  ['/inbox', 'Waiting'],
  ['/inbox/history', 'History'],
  ['/inbox/agents', 'Agents'],
  ['/inbox/grants', 'Grants'],
  ['/inbox/me', 'Me'],
] as const

function links(at: string | null): Html {
  return html`<nav class="links" aria-label="Inbox"><ul>${LINKS.map(
    ([address, name]) =>
      html`<li><a href="${address}"${address === at && html` aria-current="page"`}>${name}</a></li>`,
  )}</ul></nav>`
}

const KEYS: readonly (readonly [string, string])[] = [
  ['j  ↓', 'next request'],
  ['k  ↑', 'previous request'],
  ['Enter', 'open it'],
  ['a', 'approve; Enter then signs'],
  ['d', 'deny: say why, Enter sends it'],
  ['Esc', 'back'],
  ['?', 'this list'],
]

function foot(): Html {
  return html`<p id="said" class="unseen-text" role="status" aria-live="polite"></p>
<dialog id="help" aria-labelledby="help-title"><h2 id="help-title">Keys</h2>
<dl class="keys">${KEYS.map(
    ([keys, what]) =>
      html`<div><dt>${keys.split('  ').map((key) => html`<kbd>${key}</kbd>`)}</dt><dd>${what}</dd></div>`,
  )}</dl>
<form method="dialog"><button>Close</button></form></dialog>`
}
