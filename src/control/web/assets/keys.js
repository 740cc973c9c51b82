// The keyboard: every key has a button or a link that does the same.

import { buttonOf, decisionForm, goBack } from './decide.js'

export function startKeys() {
  document.addEventListener('keydown', onKey)
  const button = document.getElementById('show-help')
  if (!button) return
  button.hidden = false
  button.addEventListener('click', help)
}

/** @type {Readonly<Record<string, () => boolean>>} what each key does; true where it did something */
const KEYS = {
  j: () => step(1),
  ArrowDown: () => !isRequest() && step(1),
  k: () => step(-1),
  ArrowUp: () => !isRequest() && step(-1),
  a: () => choose('approve'),
  d: () => choose('deny'),
  '?': help,
  '/': help,
  Escape: () => goBack() || follow('back'),
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  if (document.querySelector('dialog[open]')) return
  const typing = event.target instanceof Element && event.target.closest('input, textarea, select')
  if (typing && event.key !== 'Escape') return
  // A key that is held down says its letter over and over: it moves, and decides nothing.
  if (event.repeat && !/^(j|k|Arrow.*)$/.test(event.key)) return
  if (KEYS[event.key]?.()) event.preventDefault()
}

function isRequest() {
  return document.querySelector('[data-request]') !== null
}

/** @param {1 | -1} by */
function step(by) {
  if (isRequest()) return follow(by === 1 ? 'next' : 'previous')
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('a.open')])
  const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement))
  const to = at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))
  links[to]?.focus()
  return links.length > 0
}

/** @param {string} id of a link */
function follow(id) {
  const link = document.getElementById(id)
  link?.click()
  return link !== null
}

/** @param {'approve' | 'deny'} decision */
function choose(decision) {
  const form = decisionForm()
  const button = form && form.dataset.step === 'choose' ? buttonOf(form, decision) : null
  button?.click()
  return button !== null
}

function help() {
  const dialog = document.getElementById('help')
  if (dialog instanceof HTMLDialogElement) dialog.showModal()
  return true
}
