// Decides in two steps, so that a slip of the hand signs nothing.

import { load, SignedOut, say, takeMain } from './swap.js'

const QUESTIONS = {
  approve: (/** @type {string} */ what) => `Approve once: ${what}?`,
  'approve-shape': (/** @type {string} */ what) => `Approve the shape of ${what}?`,
  deny: (/** @type {string} */ what) => `Deny ${what}? The agent is told your reason.`,
  withdraw: (/** @type {string} */ what) => `Withdraw ${what}? Nobody can approve it then.`,
}

/** @typedef {keyof typeof QUESTIONS} Decision */

export function startDeciding() {
  document.addEventListener('submit', onSubmit)
  document.addEventListener('click', onClick, true)
  document.addEventListener('keydown', onKey)
  document.addEventListener('change', onChange)
  document.addEventListener('input', onChange)
  document.addEventListener('swapped', onSwapped)
}

/** @returns {HTMLFormElement | null} */
export function decisionForm() {
  const form = document.getElementById('decision')
  return form instanceof HTMLFormElement ? form : null
}

/** Back to the choice; true where something had been chosen. */
export function goBack() {
  const form = decisionForm()
  if (!form || form.dataset.step === 'choose') return false
  const chosen = /** @type {Decision} */ (form.dataset.step)
  showStep(form, 'choose')
  buttonOf(form, chosen)?.focus()
  return true
}

/**
 * Somebody else has signed meanwhile: what was typed and chosen stays.
 *
 * @param {Event} event
 */
function onSwapped(event) {
  const { old } = /** @type {CustomEvent<{ old: Element }>} */ (event).detail
  const before = old.querySelector('form')
  const form = decisionForm()
  if (old.id !== 'decide' || !before || !form) return
  const [typed, reason] = [before.querySelector('textarea'), form.querySelector('textarea')]
  if (typed && reason) reason.value = typed.value
  const [chose, canned] = [before.querySelector('select'), form.querySelector('select')]
  if (chose && canned) canned.value = chose.value
  for (const { name } of unmasked(before)) {
    const box = form.elements.namedItem(name)
    if (box instanceof HTMLInputElement) box.checked = true
  }
  const [shape, terms] = [before.querySelector('details'), form.querySelector('details')]
  if (shape && terms) terms.open = shape.open
  for (const { name, value } of numbers(before)) {
    const box = form.elements.namedItem(name)
    if (box instanceof HTMLInputElement) box.value = value
  }
  const chosen = /** @type {Decision | 'choose'} */ (before.dataset.step)
  const button = chosen === 'choose' ? null : buttonOf(form, chosen)
  if (button) choose(form, button, /** @type {Decision} */ (chosen))
}

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const form = decisionForm()
  if (!form || event.target !== form) return
  event.preventDefault()
  const button = event.submitter
  if (!(button instanceof HTMLButtonElement)) return
  const decision = /** @type {Decision} */ (button.value)
  if (form.dataset.step === decision) void send(form, button)
  else if (form.dataset.step === 'choose') choose(form, button, decision)
}

/** @param {MouseEvent} event */
function onClick(event) {
  if (!(event.target instanceof Element) || !event.target.closest('#decision')) return
  // The second click of a double click was meant for what stood there before.
  if (event.detail > 1) event.preventDefault()
  else if (event.target.closest('.back')) goBack()
}

/** What is asked is what is sent. */
function onChange() {
  const form = decisionForm()
  const step = form?.dataset.step
  if (form && (step === 'approve' || step === 'approve-shape')) showStep(form, step)
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const form = decisionForm()
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.repeat) return
  if (!form || !(event.target instanceof HTMLTextAreaElement)) return
  if (form.dataset.step !== 'deny') return
  event.preventDefault()
  form.requestSubmit(buttonOf(form, 'deny'))
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLButtonElement} button
 * @param {Decision} decision
 */
function choose(form, button, decision) {
  showStep(form, decision)
  const reason = form.querySelector('textarea')
  if (decision === 'deny' && reason) reason.focus()
  else button.focus()
}

/**
 * @param {HTMLFormElement} form
 * @param {Decision | 'choose'} step
 */
function showStep(form, step) {
  form.dataset.step = step
  for (const button of form.querySelectorAll('button')) {
    button.hidden =
      button.value === '' ? step === 'choose' : step !== 'choose' && step !== button.value
  }
  ask(step === 'choose' ? '' : QUESTIONS[step](whatOf(form, step)))
}

/**
 * @param {HTMLFormElement} form
 * @param {Decision} decision
 */
function whatOf(form, decision) {
  const what = form.dataset.what ?? 'it'
  if (decision === 'approve-shape') {
    const { minutes, max_rows: rows } = Object.fromEntries(new FormData(form))
    return `${what}: for ${minutes} minutes, at most ${rows} rows each`
  }
  const classes = unmasked(form).map((box) => box.parentElement?.textContent?.trim())
  return decision === 'approve' && classes.length > 0
    ? `${what}, unmasking ${classes.join(', ')}`
    : what
}

/**
 * @param {HTMLFormElement} form
 * @returns {HTMLInputElement[]}
 */
function unmasked(form) {
  return [...form.querySelectorAll('input')].filter((box) => box.type === 'checkbox' && box.checked)
}

/**
 * @param {HTMLFormElement} form
 * @returns {HTMLInputElement[]}
 */
function numbers(form) {
  return [...form.querySelectorAll('input')].filter((box) => box.type === 'number')
}

/** @param {string} text */
function ask(text) {
  const question = document.getElementById('ask')
  if (!question) return
  question.textContent = text
  question.hidden = text === ''
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLButtonElement} button
 */
async function send(form, button) {
  if (form.dataset.sending) return
  form.dataset.sending = 'yes'
  // The names of a FormData with its button are those that a form without scripts posts.
  const fields = [...new FormData(form, button)].map(([name, value]) => [name, String(value)])
  try {
    const page = await load(form.action, { method: 'POST', body: new URLSearchParams(fields) })
    // They have to sign in again first: the way there is a page that leads on.
    const onward = page.getElementById('onward')
    if (onward instanceof HTMLAnchorElement)
      return location.assign(onward.getAttribute('href') ?? '')
    takeMain(page)
    const outcome = document.querySelector('#notice') ?? document.querySelector('.outcome')
    say(outcome?.textContent ?? '')
  } catch (error) {
    if (error instanceof SignedOut) location.reload()
    // The form keeps its key: what has arrived already counts once.
    ask('No answer came. Press again: however often it arrives, it counts once.')
  } finally {
    delete form.dataset.sending
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {Decision} decision
 * @returns {HTMLButtonElement | null}
 */
export function buttonOf(form, decision) {
  return form.querySelector(`button[value="${decision}"]`)
}
