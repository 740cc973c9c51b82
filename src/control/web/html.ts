/** Text that is markup already. Only `html` makes it, so whatever else comes in is escaped. */
export class Html {
  readonly #markup: string

  private constructor(markup: string) {
    this.#markup = markup
  }

  static of(strings: readonly string[], values: readonly Insert[]): Html {
    let markup = strings[0] ?? ''
    values.forEach((value, at) => {
      markup += markupOf(value) + (strings[at + 1] ?? '')
    })
    return new Html(markup)
  }

  toString(): string {
    return this.#markup
  }
}

/** What may stand between two pieces of a template; null and false leave nothing. */
export type Insert = Html | string | number | null | false | readonly Insert[]

/** A tagged template whose inserts are escaped, in text and in double-quoted attributes alike. */
export function html(strings: TemplateStringsArray, ...values: readonly Insert[]): Html {
  return Html.of(strings, values)
}

function markupOf(value: Insert): string {
  if (value === null || value === false) return ''
  if (typeof value === 'string') return escaped(value)
  if (typeof value === 'number') return String(value)
  if (value instanceof Html) return value.toString()
  return value.map(markupOf).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
