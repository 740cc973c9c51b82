import { type Html, html } from './html.ts'

export interface SignInContent {
  readonly problem: string | null
  /** Where to go afterwards: an address of the inbox. */
  readonly to: string
  readonly formToken: string
  /** Where people sign in with an account; null where none is configured. */
  readonly issuer: string | null
}

export function signInPage({ problem, to, formToken, issuer }: SignInContent): Html {
  const withAccount = issuer !== null
  return html`<section class="panel sign-in" aria-labelledby="sign-in-title"><h1 id="sign-in-title">Sign in</h1>
<p>Agents ask, people sign. Say who you are${withAccount ? null : ' with your access token'}.</p>
${problem !== null && withAccount && html`<p class="notice bad" role="alert" id="problem">${problem}</p>`}
${
  withAccount &&
  html`<p><a class="account" id="with-account" href="/inbox/oidc/start?to=${encodeURIComponent(to)}">Sign in with ${new URL(issuer).host}</a></p>
<p class="fine">or with an access token, where you have no account there:</p>`
}
<form method="post" action="/inbox/sign-in" id="sign-in">
<input type="hidden" name="form" value="${formToken}"><input type="hidden" name="to" value="${to}">
${problem !== null && !withAccount && html`<p class="notice bad" role="alert" id="problem">${problem}</p>`}
<label for="token">Access token</label>
<input id="token" name="token" type="password" autocomplete="current-password" autocapitalize="none" spellcheck="false" required${!withAccount && html` autofocus`} maxlength="200" aria-describedby="token-help${problem !== null && ' problem'}">
<p class="fine" id="token-help">It begins with <code>cst_</code>. Whoever runs Countersign makes one with <code>countersign token add EMAIL</code>. It is exchanged for a session of 12 hours in this browser and is not kept.</p>
<button>Sign in</button>
</form></section>`
}

const OWN = /^\/inbox(?:\/(?:history|agents|grants|me|requests\/[A-Za-z0-9]{1,40}))?$/

/** Only addresses of the inbox: nobody is sent elsewhere by a link. */
export function ownAddress(to: unknown): string {
  const isOwn = typeof to === 'string' && OWN.test(to)
  return isOwn ? to : '/inbox'
}

export function problemPage(message: string): Html {
  return html`<section class="panel"><h1>This didn't work</h1><p role="alert" id="notice">${message}</p><p><a href="/inbox">Inbox</a></p></section>`
}
