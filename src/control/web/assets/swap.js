// Puts what the server has made anew in the place of what is old.

import { setServerTime } from './countdown.js'

/** The session is over: nothing more will come until somebody signs in. */
export class SignedOut extends Error {}

/**
 * Loads a page of ours. Throws SignedOut, or whatever says that no answer came.
 *
 * @param {string} address
 * @param {RequestInit} [init]
 * @returns {Promise<Document>}
 */
export async function load(address, init) {
  const headers = { accept: 'text/html', ...init?.headers }
  const response = await fetch(address, { ...init, headers })
  const text = await response.text()
  if (new URL(response.url).pathname === '/inbox/sign-in') throw new SignedOut()
  if (!response.headers.get('content-type')?.startsWith('text/html')) throw new Error('no page')
  return new DOMParser().parseFromString(text, 'text/html')
}

/**
 * Takes over the parts of a page that have changed; what is read, typed or focused stays.
 *
 * @param {Document} fresh
 */
export function takeParts(fresh) {
  if (!fresh.body.hasAttribute('data-signed-in')) throw new SignedOut()
  for (const part of fresh.querySelectorAll('[data-live]')) {
    const old = document.getElementById(part.id)
    if (!old || old.getAttribute('data-live') === part.getAttribute('data-live')) continue
    markNew(old, part)
    replace(old, part)
  }
  afterwards(fresh)
}

/**
 * Takes over the whole content, as after a decision.
 *
 * @param {Document} fresh
 */
export function takeMain(fresh) {
  const main = document.getElementById('main')
  const content = fresh.getElementById('main')
  if (!main || !content) throw new Error('no page')
  main.replaceChildren(...content.childNodes)
  const waiting = fresh.getElementById('waiting')
  if (waiting) document.getElementById('waiting')?.replaceWith(waiting)
  afterwards(fresh)
  main.focus()
}

/** @param {string} text for those who listen to the page instead of seeing it */
export function say(text) {
  const said = document.getElementById('said')
  if (said) said.textContent = text
}

/** @param {Document} page */
export function noteServerTime(page) {
  setServerTime(Number(page.body.dataset.now))
}

/** Moments in the reader's own time zone. */
export function localTimes() {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  for (const element of document.querySelectorAll('time.moment:not(.local)')) {
    const at = new Date(element.getAttribute('datetime') ?? '')
    if (Number.isNaN(at.getTime())) continue
    element.textContent = format.format(at)
    element.classList.add('local')
  }
}

/** @param {Document} fresh */
function afterwards(fresh) {
  document.title = fresh.title
  noteServerTime(fresh)
  localTimes()
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function replace(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null
  old.replaceWith(fresh)
  // Whoever keeps something in the old part carries it over.
  document.dispatchEvent(new CustomEvent('swapped', { detail: { old, fresh } }))
  if (!focused || fresh.contains(document.activeElement)) return
  const again = focused.id ? document.getElementById(focused.id) : null
  ;(again ?? document.getElementById('main'))?.focus({ preventScroll: true })
}

/**
 * @param {Element} old
 * @param {Element} fresh
 */
function markNew(old, fresh) {
  if (fresh.id !== 'pending') return
  for (const link of fresh.querySelectorAll('a.open')) {
    if (!old.querySelector(`#${CSS.escape(link.id)}`)) link.closest('li')?.classList.add('fresh')
  }
}
