import type { Test } from 'tap'
import type { InboxHouse } from './inbox-house.ts'

/** A browser as far as HTTP goes: it keeps cookies and follows nothing. */
export class Visitor {
  readonly #house: InboxHouse
  readonly cookies = new Map<string, string>()
  readonly headers: Record<string, string> = {}

  constructor(house: InboxHouse) {
    this.#house = house
  }

  async get(path: string, headers: Record<string, string> = {}) {
    return this.#ask(path, { headers })
  }

  async post(path: string, fields: Record<string, string>, headers: Record<string, string> = {}) {
    return this.#ask(path, { method: 'POST', body: new URLSearchParams(fields), headers })
  }

  async #ask(path: string, init: RequestInit & { headers: Record<string, string> }) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...this.headers, ...(cookie && { cookie }), ...init.headers }
    const answer = await fetch(this.#house.base + path, { redirect: 'manual', ...init, headers })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }

  /** The hidden fields of a page's form. */
  async form(path: string): Promise<Record<string, string>> {
    const { text } = await this.get(path)
    const form = text.slice(text.search(/id="(?:decision|sign-in)"/))
    const fields = form.matchAll(/type="hidden" name="([^"]+)" value="([^"]*)"/g)
    return Object.fromEntries([...fields].map(([, name, value]) => [name ?? '', value ?? '']))
  }

  async signIn(token: string) {
    return this.post('/inbox/sign-in', { ...(await this.form('/inbox/sign-in')), token })
  }
}

export async function signedIn(
  t: Test,
  house: InboxHouse,
  person = 'bo@example.com',
): Promise<Visitor> {
  const visitor = new Visitor(house)
  const answer = await visitor.signIn(await house.tokens.add(person))
  t.match(answer, { status: 303 }, `${person} is signed in`)
  return visitor
}

/**
 * A browser that follows: redirects, and pages that lead on by themselves, over several sites. A
 * cookie of SameSite=Strict doesn't come along where another site has sent it.
 */
export class Wanderer {
  readonly #jars = new Map<string, Map<string, { value: string; strict: boolean }>>()
  /** Every address that it has been at, in order. */
  readonly way: string[] = []

  /** The page at which it comes to rest. `stopAt`: it doesn't ask what this is a part of. */
  async go(address: string, { stopAt = null as string | null } = {}) {
    let at = new URL(address)
    let from = at.origin
    for (let hops = 0; hops < 20; hops++) {
      if (stopAt !== null && at.pathname === stopAt) return { url: at, status: 0, text: '' }
      this.way.push(at.origin + at.pathname)
      const answer = await this.#ask(at, { 'sec-fetch-site': siteOf(from, at) }, from === at.origin)
      const text = await answer.text()
      const location = answer.headers.get('location')
      const [, refresh] = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(text) ?? []
      const next = location ?? refresh?.replaceAll('&amp;', '&')
      if (next === undefined) return { url: at, status: answer.status, text }
      // A page that leads on asks by itself; a redirect goes on asking for whoever began.
      if (location === null) from = at.origin
      const target = new URL(next, at)
      if (location !== null && at.origin !== target.origin) from = at.origin
      at = target
    }
    throw new Error(`goes round: ${this.way.join(' ')}`)
  }

  async post(address: string, fields: Record<string, string>) {
    const at = new URL(address)
    const body = new URLSearchParams(fields)
    const answer = await this.#ask(at, { 'sec-fetch-site': 'same-origin' }, true, body)
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text }
  }

  cookie(base: string, name: string): string | undefined {
    return this.#jars.get(new URL(base).origin)?.get(name)?.value
  }

  forget(base: string): void {
    this.#jars.delete(new URL(base).origin)
  }

  setCookie(base: string, name: string, value: string): void {
    this.#jar(new URL(base).origin).set(name, { value, strict: true })
  }

  #jar(origin: string) {
    const jar = this.#jars.get(origin) ?? new Map<string, { value: string; strict: boolean }>()
    this.#jars.set(origin, jar)
    return jar
  }

  async #ask(at: URL, headers: Record<string, string>, own: boolean, body?: URLSearchParams) {
    const jar = this.#jar(at.origin)
    const sent = [...jar].filter(([, { strict }]) => own || !strict)
    const cookie = sent.map(([name, { value }]) => `${name}=${value}`).join('; ')
    const answer = await fetch(at, {
      redirect: 'manual',
      ...(body && { method: 'POST', body }),
      headers: { ...headers, accept: 'text/html', ...(cookie && { cookie }) },
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /Max-Age=0/.test(line)) jar.delete(name)
      else jar.set(name, { value, strict: /SameSite=Strict/i.test(line) })
    }
    return answer
  }
}

function siteOf(from: string, to: URL): string {
  return from === to.origin ? 'same-origin' : 'cross-site'
}
