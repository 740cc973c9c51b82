// Counts down to deadlines by the server's clock: a reader's may be wrong by hours.

/** What has to be added to this machine's clock, in ms. */
let ahead = 0

/** @param {number} now milliseconds since the epoch, as the server sees it */
export function setServerTime(now) {
  if (Number.isFinite(now) && now > 0) ahead = now - Date.now()
}

export function startCountdown() {
  tick()
  setInterval(tick, 250)
}

function tick() {
  const now = Date.now() + ahead
  for (const element of document.querySelectorAll('time[data-until]')) {
    const left = Number(element.getAttribute('data-until')) - now
    const text = leftText(left)
    if (element.textContent !== text) element.textContent = text
    element.classList.toggle('soon', left < 60_000)
  }
}

/** @param {number} ms */
function leftText(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const clock = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return hours > 0 ? `${hours}:${clock}` : clock
}
