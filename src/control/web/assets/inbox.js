// What makes the inbox live. The pages come from the server whole and work without any of this.

import { startCountdown } from './countdown.js'
import { startDeciding } from './decide.js'
import { startKeys } from './keys.js'
import { startLive } from './live.js'
import { localTimes, noteServerTime } from './swap.js'

noteServerTime(document)
localTimes()
takeToken()
if (document.body.hasAttribute('data-signed-in')) {
  startCountdown()
  startDeciding()
  startKeys()
  startLive()
}

/**
 * On this machine alone, the demo's link brings a token behind `#`, which no server is sent. It is
 * taken out of the address before anything else. Elsewhere a link signs nobody in: it could be
 * somebody else's token.
 */
function takeToken() {
  const token = /^#(cst_[\w-]{43})$/.exec(location.hash)?.[1]
  if (!token) return
  history.replaceState(null, '', location.pathname + location.search)
  const form = document.getElementById('sign-in')
  const field = document.getElementById('token')
  const isHere = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(location.hostname)
  if (!isHere || !(form instanceof HTMLFormElement) || !(field instanceof HTMLInputElement)) return
  field.value = token
  form.requestSubmit()
}
