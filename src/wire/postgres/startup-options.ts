import { ProxyError } from '../../lib/errors.ts'

/**
 * Splits the startup parameter `options` as the server does: on unescaped white space, a backslash
 * takes the next character literally (manual, section 54.2.1), then reads `-c name=value`,
 * `-cname=value` and `--name=value`. Any other switch is refused.
 */
export function splitOptions(options: string): [string, string][] {
  const settings: [string, string][] = []
  const words = splitWords(options)
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string
    if (word === '-c') settings.push(readAssignment(words[++index] ?? ''))
    else if (word.startsWith('-c')) settings.push(readAssignment(word.slice(2)))
    else if (word.startsWith('--')) settings.push(readAssignment(word.slice(2)))
    else throw refused(word)
  }
  return settings
}

function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | null = null
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string
    if (/[ \t\n\r\f\v]/.test(character)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      if (character === '\\') at++
      word = (word ?? '') + (text[at] ?? '')
    }
  }
  if (word !== null) words.push(word)
  return words
}

/** The server reads dashes in a name as underscores (ParseLongOption). */
function readAssignment(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals <= 0) throw refused(text)
  return [text.slice(0, equals).replaceAll('-', '_'), text.slice(equals + 1)]
}

function refused(what: string): ProxyError {
  return new ProxyError(
    'STARTUP_REFUSED',
    `startup option "${what}" is refused: use -c name=value with an accepted setting`,
  )
}
