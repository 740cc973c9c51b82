// Hears of every change (server-sent events) and shows it; says so when nothing can be heard.

import { setServerTime } from './countdown.js'
import { load, SignedOut, say, takeParts } from './swap.js'

const EVENTS = ['requested', 'ticket', 'voted', 'resolved', 'spent', 'settled', 'reset']
/** The statement of a request never changes and may be long: it isn't asked for again. */
const ONLY_LIVE = { headers: { 'countersign-part': 'live' } }
/** The server says something every 15 s. */
const SILENCE_MS = 40_000
const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 10_000

/** @type {EventSource | null} */
let source = null
let retryMs = FIRST_RETRY_MS
let heardAt = 0
let loading = false
let again = false
let over = false

export function startLive() {
  listen()
  setInterval(() => {
    if (source && Date.now() - heardAt > SILENCE_MS) lost()
  }, 5_000)
  // A phone that slept has heard nothing meanwhile.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void refresh()
  })
}

function listen() {
  const stream = new EventSource('/inbox/events')
  source = stream
  heardAt = Date.now()
  stream.addEventListener('open', () => {
    retryMs = FIRST_RETRY_MS
    connection('')
    void refresh()
  })
  stream.addEventListener('error', () => {
    if (source === stream) lost()
  })
  stream.addEventListener('beat', (event) => {
    heardAt = Date.now()
    setServerTime(Number(event.data))
  })
  for (const type of EVENTS) {
    stream.addEventListener(type, (event) => {
      heardAt = Date.now()
      announce(type, JSON.parse(event.data))
      void refresh()
    })
  }
}

function lost() {
  source?.close()
  source = null
  if (over) return
  connection('The connection is lost, and what you see may be old. Trying again …')
  setTimeout(async () => {
    await refresh()
    if (!over) listen()
  }, retryMs)
  retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
}

/** Shows the page as it is now; what changes while that is on its way is fetched after it. */
async function refresh() {
  again = true
  if (loading) return
  loading = true
  try {
    while (again && !over) {
      again = false
      takeParts(await load(location.href, ONLY_LIVE))
    }
  } catch (error) {
    if (error instanceof SignedOut) signedOut()
  } finally {
    loading = false
  }
}

function signedOut() {
  over = true
  source?.close()
  source = null
  const link = document.createElement('a')
  link.href = location.pathname
  link.textContent = 'Sign in again'
  connection('You are signed out. ', link)
}

/** @param {(string | Node)[]} content */
function connection(...content) {
  const line = document.getElementById('connection')
  if (!line) return
  line.replaceChildren(...content)
  line.hidden = content[0] === ''
}

/**
 * @param {string} type
 * @param {{ id?: string, agent?: string, database?: string, verb?: string, state?: string }} event
 */
function announce(type, { id, agent, database, verb, state }) {
  if (type === 'requested') say(`${agent} asks for ${verb} on ${database}.`)
  const isOpen = id !== undefined && document.querySelector(`[data-request="${CSS.escape(id)}"]`)
  if (type === 'resolved' || (type === 'settled' && isOpen)) {
    say(`${verb} of ${agent} is ${state}.`)
  }
}
