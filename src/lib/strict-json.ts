/** Levels of arrays and objects within each other. */
const MAX_DEPTH = 32
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const SURROGATE = /\p{Surrogate}/u

/**
 * Reads JSON that means the same to everybody (I-JSON, RFC 7493): no key twice in one object, no
 * half of a surrogate pair, no number that a double can't hold, at most 32 levels. What people are
 * shown is then what the sender's own reader makes of it.
 *
 * @throws SyntaxError with what is wrong, in words for the sender
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = parsed(text)
  new Scan(text).run()
  return value
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new SyntaxError('The body is not valid JSON.')
  }
}

/** Goes over a text that is known to be JSON, for what a reader of JSON lets pass. */
class Scan {
  readonly #text: string
  /** The keys of each object that is open; null for an array. */
  readonly #open: (Set<string> | null)[] = []
  #at = 0
  #keyNext = false

  constructor(text: string) {
    this.#text = text
  }

  run(): void {
    while (this.#at < this.#text.length) this.#step(this.#text[this.#at] ?? '')
  }

  #step(character: string): void {
    if (character === '"') this.#string()
    else if (character === '-' || (character >= '0' && character <= '9')) this.#number()
    else this.#mark(character)
  }

  #mark(character: string): void {
    if (character === '{' || character === '[') this.#enter(character)
    else if (character === '}' || character === ']') this.#open.pop()
    else if (character === ',') this.#keyNext = this.#open.at(-1) instanceof Set
    this.#at++
  }

  #enter(character: string): void {
    this.#keyNext = character === '{'
    this.#open.push(this.#keyNext ? new Set() : null)
    if (this.#open.length > MAX_DEPTH) {
      throw new SyntaxError(`The JSON is nested deeper than ${MAX_DEPTH} levels.`)
    }
  }

  #string(): void {
    let end = this.#at + 1
    while (this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1
    const value = JSON.parse(this.#text.slice(this.#at, end + 1)) as string
    this.#at = end + 1
    if (SURROGATE.test(value)) throw new SyntaxError('A string holds half of a surrogate pair.')
    if (this.#keyNext) this.#key(value)
    this.#keyNext = false
  }

  #key(key: string): void {
    const keys = this.#open.at(-1)
    const shown = JSON.stringify(key.slice(0, 100))
    if (keys?.has(key)) throw new SyntaxError(`The key ${shown} stands twice in one object.`)
    // A reader in JavaScript could take it for something else than a key.
    if (key === '__proto__') throw new SyntaxError(`The key ${shown} can't be used.`)
    keys?.add(key)
  }

  #number(): void {
    NUMBER.lastIndex = this.#at
    const [text = ''] = NUMBER.exec(this.#text) ?? []
    this.#at += text.length
    const value = Number(text)
    const kept = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
    if (kept) return
    throw new SyntaxError(`The number ${text.slice(0, 40)} can't be kept exactly; send it as text.`)
  }
}
