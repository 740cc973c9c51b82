import { findByKeptRules } from './kept-rules.ts'
import { type Detection, type Finding, matchesOf } from './kinds.ts'

/**
 * Every key that is looked for has one of these in it. Most texts have none, and the rules would take
 * fourteen microseconds to say so.
 */
const HINTS = new RegExp(
  [
    '(?:A3T|AKIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ASIA|AIza)[A-Z0-9a-z_-]{4}',
    '[Ss](?:ECRET|ecret)_?(?:ACCESS|[Aa]ccess)',
    'xox[a-z]-|xapp-|hooks\\.slack',
    '(?:gh[opsur]|npm|gsk|hf|lin_api|ntn|shp(?:pa|ca|at|ss)|github_pat|glc|glsa|ops|dckr_pat|figd|vc[apirk]|do[opr]_v1|[rs]k_live|[rs]k_test|whsec)_',
    '(?:glpat|GOCSPX|pypi|sk|key)-[A-Za-z0-9]',
    '(?:SG|hv[bsr]|ya29)\\.',
    'SK[0-9a-f]{8}',
    'dapi[0-9A-Fa-f]{8}',
    ':AA[\\w-]{8}',
    'eyJ',
    '[Bb]earer ',
    'AccountKey=',
    '://[^/\\s]{1,300}@',
    '_authToken=',
  ].join('|'),
)

/** What the rules don't know, each as its issuer documents it. */
const KEYS = [
  /\b[rs]k_(?:live|test)_[A-Za-z0-9]{10,247}/g, // Stripe
  /\bwhsec_[A-Za-z0-9+/]{20,100}/g, // Stripe, Standard Webhooks
  /\bAIza[\w-]{35}(?![\w-])/g, // Google API key
  /\bGOCSPX-[\w-]{28}(?![\w-])/g, // Google OAuth client
  /\bsk-[A-Za-z0-9][\w-]{19,250}/g, // OpenAI, Anthropic and those that copy their form
  /\bSK[0-9a-f]{32}(?![\w-])/g, // Twilio
  /\bkey-[0-9a-f]{32}(?![\w-])/g, // Mailgun
  /\bpypi-[\w-]{50,250}/g,
  /\bnpm_[A-Za-z0-9]{36}(?!\w)/g,
  /(?<=\b_authToken=)[^\s"'$]{8,400}/g, // of .npmrc
  /\bAccountKey=[A-Za-z0-9+/]{80,90}={0,2}/g, // Azure storage
  /\b(?:A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])/g, // AWS, its examples, too
] as const
const TOKENS = [
  /\b[Bb]earer [\w.~+/-]{16,8192}=*/g, // RFC 6750
  /\bya29\.[\w-]{20,2048}/g, // Google OAuth
  /\bdo[opr]_v1_[0-9a-f]{64}(?![\w-])/g, // DigitalOcean
  /\b\d{8,10}:AA[\w-]{33}(?![\w-])/g, // Telegram
] as const

/** Keys and tokens by which programs are let in. Issuers call most of them by either name. */
export function findServiceKeys(text: string, kind: Detection): Finding[] {
  if (!HINTS.test(text)) return []
  return [
    ...findByKeptRules(text).map((found) => ({ ...found, kind })),
    ...matchesOf(text, KEYS, kind),
    ...matchesOf(text, TOKENS, kind),
    ...findJsonWebTokens(text, kind),
  ]
}

/** Letters of base64url and dots, as long as they go on. */
const RUN = /[\w.-]{20,}/g
/** {" in base64url. */
const OPENS = 'eyJ'

/** RFC 7519: a header and a payload in JSON, and a signature that may be empty. */
function findJsonWebTokens(text: string, kind: Detection): Finding[] {
  const found: Finding[] = []
  for (const { index, 0: run } of text.matchAll(RUN)) {
    const at = run.indexOf(OPENS)
    if (at < 0 || run.indexOf('.', run.indexOf('.', at) + 1) < at) continue
    found.push({ kind, start: index + at, end: index + run.length })
  }
  return found
}
