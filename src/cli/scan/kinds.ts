import validator from 'validator'

/** What a column's type is fit to hold. */
export type TypeFamily = 'text' | 'number' | 'date' | 'address' | 'json' | 'other'

/** A kind of data that columns are looked at for. */
export interface Kind {
  readonly dataClass: string
  /** In a sentence: "12 of 200 values are ..." */
  readonly plural: string
  /** Types that it can stand in. */
  readonly families: readonly TypeFamily[]
  /** Of a column's name, its words joined by "_": customer_email. */
  readonly name: RegExp
  /** Names that hold something about it, not it. */
  readonly notName?: RegExp
  /** Ways in which a value can be one; of several, the one that fits most values counts. */
  readonly checks: readonly ((value: string) => boolean)[]
  /** True where the checks are so strict that values alone are reason enough. */
  readonly provable: boolean
  /** How far a name alone is trusted where no check is there, 0 to 1. */
  readonly byName: number
}

/** Name parts after which a column says something about the thing: email_count, card_type. */
const ABOUT =
  /_(?:id|ids|count|type|kind|status|state|model|brand|version|template|subject|body|format|at|on|enabled|verified|opt_in|sent|length|size|label|code|class|title|domain|provider|expiry|expires|ttl|limit|budget|hint|policy|usage|used|scheme|mask)$/

/**
 * Formats with a check digit in all their forms; the library knows others (Czech and Slovak ones of
 * nine digits, American ones) that many a number with a date in it would be.
 */
const ID_CARDS = ['ES', 'FI', 'IN', 'IT', 'NO', 'PL', 'TH', 'he-IL', 'zh-CN', 'zh-TW'] as const
const TAX_IDS =
  'bg-BG de-AT de-DE el-GR es-AR et-EE fr-BE fr-FR fr-LU hr-HR hu-HU lv-LV nl-NL pl-PL pt-BR pt-PT ro-RO sl-SI sv-SE uk-UA'.split(
    ' ',
  )

/** Social Security Administration: no area 000, 666 or 9xx, no group 00, no serial 0000. */
const SSN = /^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/

const PHONE_SHAPE = /^(?=(?:\D*\d){7,15}\D*$)\+?[\d(][\d ()./-]*\d$/
/** What a telephone number isn't: a date, a version, a number without any mark of one. */
const NOT_PHONE = /^\d{4}-\d{2}-\d{2}|^\d+(?:\.\d+)+$/

/** Prefixes that their makers publish so that leaked keys are found. */
const KEY =
  /^(?:sk_(?:live|test)_|rk_live_|sk-(?:proj-|ant-)?|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|ASIA|AIza|SG\.|npm_|pypi-|hf_|-----BEGIN [A-Z ]*PRIVATE KEY)[A-Za-z0-9_\-./+=\s]{12,}/

const isEmail = (value: string) => validator.isEmail(value, { allow_utf8_local_part: true })

export const KINDS: readonly Kind[] = [
  {
    dataClass: 'pii.email',
    plural: 'e-mail addresses',
    families: ['text', 'json'],
    name: /(?:^|_)(?:e_?mail|mail)(?:_?address|_addr)?(?:_|$)/,
    notName: ABOUT,
    checks: [isEmail],
    provable: true,
    byName: 0.6,
  },
  {
    dataClass: 'pii.phone',
    plural: 'telephone numbers',
    families: ['text', 'number'],
    name: /(?:^|_)(?:tele)?(?:phone|mobile|tel|fax|msisdn|cell)(?:_?(?:number|no|nr|home|work))?(?:_|$)/,
    notName: ABOUT,
    checks: [(value) => value.startsWith('+') && isPhone(value)],
    provable: true,
    byName: 0.6,
  },
  {
    dataClass: 'pci.pan',
    plural: 'card numbers with a valid check digit',
    families: ['text', 'number'],
    name: /(?:^|_)(?:(?:credit_?|debit_?)?card_?(?:number|no|num|nr)|pan|cc_?(?:number|num|no)|credit_?card)(?:_|$)/,
    notName: ABOUT,
    checks: [(value) => validator.isCreditCard(value)],
    provable: true,
    byName: 0.7,
  },
  {
    dataClass: 'pii.iban',
    plural: 'IBANs',
    families: ['text'],
    name: /(?:^|_)iban(?:_|$)/,
    notName: ABOUT,
    checks: [(value) => validator.isIBAN(value)],
    provable: true,
    byName: 0.7,
  },
  {
    dataClass: 'pii.national-id',
    plural: 'national or tax ids',
    families: ['text', 'number'],
    name: /(?:^|_)(?:ssn|social_security(?:_(?:number|no))?|national_id(?:entifier|_?number|_?no)?|national_insurance(?:_(?:number|no))?|tax_?(?:id|number|payer_id)|tin|nino|cpf|dni|nif|nie|bsn|pesel|personnummer|passport(?:_?(?:number|no|nr))?|identity_?(?:card|number)|id_card(?:_number)?)$/,
    checks: [
      (value) => SSN.test(value),
      ...ID_CARDS.map((locale) => (value: string) => validator.isIdentityCard(value, locale)),
      ...TAX_IDS.map((locale) => (value: string) => isTaxId(value, locale)),
    ],
    provable: true,
    byName: 0.7,
  },
  {
    dataClass: 'secret.key',
    plural: 'keys or tokens',
    families: ['text'],
    name: /(?:^|_)(?:api_?key|secret(?:_?key)?|private_?key|access_?token|refresh_?token|auth_?token|bearer|client_secret|signing_key|password|passwd|pwd|passphrase)(?:_?(?:hash|digest|encrypted))?$/,
    checks: [(value) => KEY.test(value) || isToken(value)],
    provable: true,
    byName: 0.7,
  },
  {
    dataClass: 'pii.ip',
    plural: 'IP addresses',
    families: ['text', 'address'],
    name: /(?:^|_)(?:ip|ip_?addr(?:ess)?|remote_?addr(?:ess)?|client_ip)$/,
    checks: [(value) => validator.isIP(value.replace(/\/\d+$/, ''))],
    provable: false,
    byName: 0.6,
  },
  named(
    'pii.birth-date',
    ['date', 'text'],
    0.85,
    /(?:^|_)(?:dob|birth_?(?:date|day)|date_of_birth)$/,
  ),
  named(
    'pii.name',
    ['text'],
    0.7,
    /(?:^|_)(?:(?:first|last|middle|full|given|family|maiden|legal)_?name|surname|forename)$/,
  ),
  named(
    'pii.address',
    ['text'],
    0.65,
    /(?:^|_)(?:street(?:_?(?:address|name|line_?\d?))?|(?:home|postal|mailing|billing|shipping|delivery)_?address(?:_?line_?\d?)?|address_?line_?\d?|post_?code|zip(?:_?code)?)$/,
  ),
  named(
    'hr.salary',
    ['number', 'text'],
    0.75,
    /(?:^|_)(?:salary|salaries|wage|base_pay|gross_pay|net_pay)$/,
  ),
]

/** A kind that no value shows by itself. */
function named(
  dataClass: string,
  families: readonly TypeFamily[],
  byName: number,
  name: RegExp,
): Kind {
  return { dataClass, plural: '', families, name, checks: [], provable: false, byName }
}

/** Written as one is, in any country's way. Without a + it proves nothing. */
export function isPhone(value: string): boolean {
  return PHONE_SHAPE.test(value) && !NOT_PHONE.test(value)
}

/**
 * A JSON Web Token (RFC 7519), whose header and claims are objects; any three words with dots between
 * would do otherwise. What was cut off has no signature.
 */
function isToken(value: string): boolean {
  return /^eyJ[\w-]*\.eyJ[\w-]+$/.test(value) || (value.startsWith('eyJ') && validator.isJWT(value))
}

function isTaxId(value: string, locale: string): boolean {
  try {
    return validator.isTaxID(value, locale)
  } catch {
    return false
  }
}

/** customerEMail2 -> customer_e_mail_2 */
export function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .replace(/(\p{L})(\d)/gu, '$1_$2')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_+|_+$/g, '')
    .toLowerCase()
}
