import { type Html, html } from './html.ts'

/** A moment as people read it; a script puts it into the reader's own time zone. ISO 8601 in. */
export function moment(at: string): Html {
  const text = `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`
  return html`<time class="moment" datetime="${at}" title="${at}">${text}</time>`
}

/** What is left until a moment: "24:07" or "1:02:09"; a script counts it down. */
export function countdown(until: string, now: number): Html {
  return html`<time class="countdown" datetime="${until}" data-until="${Date.parse(until)}">${leftText(Date.parse(until) - now)}</time>`
}

function leftText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const two = (value: number) => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  const clock = `${two(minutes)}:${two(seconds % 60)}`
  return hours > 0 ? `${hours}:${clock}` : clock
}
