import type { Page } from 'playwright-core'

/**
 * What anybody would complain of who reads a page with a screen reader, weak eyes or a small
 * screen: WCAG 2.2, 1.3.1, 1.4.3 (4.5:1), 1.4.10, 2.4.2, 2.4.6, 3.1.1, 4.1.2. Empty when all is well.
 */
export function barriersOf(page: Page): Promise<readonly string[]> {
  // As text: it runs in the browser, whose types this project doesn't have.
  return page.evaluate(`(${inBrowser})()`) as Promise<readonly string[]>
}

const inBrowser = `() => {
  const found = []
  const all = (selector) => [...document.querySelectorAll(selector)]
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true })
  const nameOf = (element) =>
    (element.getAttribute('aria-label') ?? element.textContent.trim()) ||
    [...(element.labels ?? [])].map((label) => label.textContent.trim()).join(' ')
  if (!document.documentElement.lang) found.push('no language')
  if (!document.title) found.push('no title')
  for (const one of ['main', 'body > header', 'h1']) {
    if (all(one).filter(isShown).length !== 1) found.push('not one ' + one)
  }
  for (const element of all('a, button, input:not([type=hidden]), textarea, select').filter(isShown)) {
    if (!nameOf(element)) found.push('no name: ' + element.outerHTML)
  }
  for (const element of all('section, article, nav, form[aria-label=""], dialog')) {
    const by = element.getAttribute('aria-labelledby')
    if (!element.getAttribute('aria-label') && !(by && document.getElementById(by))) {
      found.push('no label: <' + element.localName + ' class="' + element.className + '">')
    }
  }
  const ids = all('[id]').map((element) => element.id)
  for (const id of ids.filter((id, at) => ids.indexOf(id) !== at)) found.push('id twice: ' + id)
  for (const element of all('[aria-describedby], [aria-labelledby]')) {
    const names = (element.getAttribute('aria-describedby') ?? element.getAttribute('aria-labelledby'))
    for (const id of names.split(' ')) if (!document.getElementById(id)) found.push('no element ' + id)
  }
  for (const image of all('img')) if (image.getAttribute('alt') === null) found.push('no alt')
  let level = 0
  for (const heading of all('h1, h2, h3').filter(isShown)) {
    if (Number(heading.localName[1]) > level + 1) found.push('skips to ' + heading.localName)
    level = Number(heading.localName[1])
  }
  const wide = document.documentElement.scrollWidth - innerWidth
  if (wide > 0) found.push(wide + ' pixels too wide')

  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = channels(getComputedStyle(each).backgroundColor)
      if (colour[3] === undefined || colour[3] > 0) return colour
    }
    return [255, 255, 255]
  }
  for (const element of all('body *').filter(isShown)) {
    const text = [...element.childNodes].find((node) => node.nodeType === 3 && node.data.trim())
    const size = element.getBoundingClientRect()
    if (!text || size.width <= 1) continue
    const [a, b] = [channels(getComputedStyle(element).color), ground(element)].map(luminance)
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) found.push('contrast ' + ratio.toFixed(2) + ': ' + text.data.trim().slice(0, 40))
  }
  return found
}`
