import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { judgeColumn } from '../../src/cli/scan/judge-column.ts'
import { wordsOf } from '../../src/cli/scan/kinds.ts'
import { registerScan } from '../../src/cli/scan.ts'
import { openSide, SIDES } from '../catalog/catalog-sides.ts'
import { runCommand } from './command.ts'

type Made = (row: number) => string

function hash(row: number, algorithm = 'sha256'): string {
  return createHash(algorithm).update(`row ${row}`).digest('hex')
}

function withLuhn(digits: string): string {
  let sum = 0
  for (const [at, digit] of [...digits].reverse().entries()) {
    const twice = Number(digit) * 2
    sum += at % 2 === 0 ? (twice > 9 ? twice - 9 : twice) : Number(digit)
  }
  return `${digits}${(10 - (sum % 10)) % 10}`
}

function iban(row: number): string {
  const account = `37040044${String(532013000 + row).padStart(10, '0')}`
  const check = 98n - (BigInt(`${account}131400`) % 97n)
  return `DE${String(check).padStart(2, '0')}${account}`
}

function cpf(row: number): string {
  let digits = String(123456000 + row * 7)
  for (let round = 0; round < 2; round++) {
    const sum = [...digits].reduce(
      (all, digit, at) => all + Number(digit) * (digits.length + 1 - at),
      0,
    )
    const rest = (sum * 10) % 11
    digits += rest === 10 ? '0' : String(rest)
  }
  return digits
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url')
}

const jwt: Made = (row) =>
  [base64url('{"alg":"HS256"}'), base64url(`{"sub":"${row}"}`), hash(row).slice(0, 43)].join('.')
const uuid: Made = (row) =>
  hash(row).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/, '$1-$2-4$3-8$4-$5')

/** What has to be found: name -> its class and its values. */
const FOUND: Readonly<Record<string, readonly [dataClass: string, made: Made]>> = {
  email: ['pii.email', (row) => `canary.mail${row}@example.com`],
  contact: ['pii.email', (row) => `canary-contact${row}@example.org`],
  workEMail2: ['pii.email', (row) => `Canary${row}@example.net`],
  reply_to: [
    'pii.email',
    (row) => (row % 2 ? `canary.reply${row}@example.com` : `queue ${row} of it`),
  ],
  phone: ['pii.phone', (row) => `(415) 55${row % 10}-${2000 + row}`],
  callback: ['pii.phone', (row) => `+1415${2_552_000 + row * 13}`],
  card_number: ['pci.pan', (row) => withLuhn(`411111${String(100_000_000 + row * 7)}`)],
  reference: ['pci.pan', (row) => withLuhn(`555555${String(200_000_000 + row * 3)}`)],
  iban: ['pii.iban', iban],
  payout_to: ['pii.iban', (row) => iban(row + 5000)],
  ssn: ['pii.national-id', (row) => `${123 + row}-45-${6000 + row}`],
  person_no: ['pii.national-id', cpf],
  national_id: ['pii.national-id', (row) => `XK-${7_000_000 + row}-Q`],
  api_key: ['secret.key', (row) => `sk_live_${hash(row).slice(0, 32)}`],
  session: ['secret.key', jwt],
  password_hash: ['secret.key', (row) => `$2b$12$${hash(row).slice(0, 53)}`],
  client_ip: ['pii.ip', (row) => `203.0.113.${row}`],
  date_of_birth: ['pii.birth-date', (row) => `19${60 + (row % 40)}-03-1${row % 10}`],
  first_name: ['pii.name', (row) => `Canaryname${row}`],
  billing_address: ['pii.address', (row) => `${1000 + row} Canary Street`],
  salary: ['hr.salary', (row) => String(51_000 + row * 13)],
}

/** What only looks like something. */
const LOOK_ALIKES: Readonly<Record<string, Made>> = {
  order_no: (row) => `41111111${String(10_000_000 + row)}`,
  invoice_no: (row) => `5${String(100_000_000_000_000 + row * 31)}`,
  tracking_no: (row) => String(92_000_000_000 + row * 17),
  account_no: (row) => String(100_000_000 + row * 11),
  dated_no: (row) => `2611${String(10 + (row % 18))}${String(100 + row)}`,
  dated_long_no: (row) => `2611${String(10 + (row % 18))}${String(1000 + row)}`,
  epoch_ms: (row) => String(1_770_000_000_000 + row * 86_400_001),
  epoch_s: (row) => String(1_770_000_000 + row * 86_401),
  isbn: (row) => `978316148${String(1000 + row)}`,
  ean: (row) => String(4_006_381_333_900 + row * 7),
  imei: (row) => withLuhn(`35209900${String(100_000 + row)}`),
  version: (row) => `10.${row}.3.4`,
  semver: (row) => `1.${row}.0`,
  ip_version: (row) => (row % 2 ? '4' : '6'),
  md5: (row) => hash(row, 'md5'),
  sha1: (row) => hash(row, 'sha1'),
  sha256: (row) => hash(row),
  git_commit: (row) => hash(row, 'sha1'),
  ssn_hash: (row) => hash(row),
  uuid,
  external_ref: uuid,
  created: (row) => `2026-03-${String(10 + (row % 18))}T10:${String(10 + (row % 40))}:00Z`,
  day: (row) => `2026-03-${String(10 + (row % 18))}`,
  time_of_day: (row) => `10:${String(10 + (row % 40))}`,
  period: (row) => `2026-Q${1 + (row % 4)}`,
  amount: (row) => `${row}.99`,
  latitude: (row) => `48.${String(100_000 + row)}`,
  coordinates: (row) => `48.${row}, 16.${row}`,
  percentage: (row) => `${row % 100} %`,
  email_count: (row) => String(row),
  email_template: (row) => `welcome-${row}`,
  email_subject: (row) => `Your order ${row}`,
  email_domain: (row) => `shop${row}.example.com`,
  mail_server: (row) => `mx${row}.example.com`,
  phone_model: (row) => `Model ${row} Pro`,
  mobile_brand: (row) => `Brand ${row}`,
  card_type: (row) => (row % 2 ? 'visa' : 'amex'),
  card_title: (row) => `Card ${row}`,
  pan_size: (row) => `${20 + row} cm`,
  token_count: (row) => String(row * 100),
  token_usage: (row) => String(row * 3),
  password_policy: (row) => `policy-${row % 3}`,
  api_key_id: (row) => String(row),
  secret_santa: (row) => `Team ${row}`,
  address_id: (row) => String(row),
  ip_policy: (row) => `allow-${row}`,
  file_name: (row) => `report-${row}.pdf`,
  host_name: (row) => `node-${row}`,
  product_name: (row) => `Lamp ${row}`,
  user_agent: (row) => `Mozilla/5.0 (X11; Linux x86_64; rv:${row}.0)`,
  sku: (row) => `AB-${row}-3456`,
  part_no: (row) => `${100 + row}-4-${6000 + row}`,
  colour: (row) => `#${hash(row).slice(0, 6)}`,
  slug: (row) => `a-page-${row}`,
  repository: (row) => `git@code.example.com:team/repo${row}.git`,
  package_name: (row) => `@scope/package-${row}`,
  handle: (row) => `@person${row}`,
  url: (row) => `https://example.com/items/${row}`,
  country: (row) => ['DE', 'AT', 'CH'][row % 3] ?? 'FR',
  swift_code: (row) => ['DEUTDEFF', 'COBADEFF'][row % 2] ?? 'GENODEF1',
  payload: (row) => base64url(`payload ${row} of the queue`),
  ticket: (row) => `INC00${12_345 + row}`,
  birth_place_id: (row) => String(row),
  salary_band: (row) => `B${row % 7}`,
  wage_type: (row) => (row % 2 ? 'hourly' : 'monthly'),
}

const ROWS = 60

function tableOf(name: string, columns: Readonly<Record<string, Made>>): string[] {
  const names = Object.keys(columns)
  const list = names.map((column) => `${column} varchar(200)`).join(', ')
  const rows = Array.from({ length: ROWS }, (_, row) => {
    const values = Object.values(columns).map((made) => `'${made(row).replaceAll("'", "''")}'`)
    return `(${values.join(', ')})`
  })
  return [`CREATE TABLE ${name} (${list})`, `INSERT INTO ${name} VALUES ${rows.join(', ')}`]
}

function madeOf(columns: typeof FOUND): Record<string, Made> {
  return Object.fromEntries(Object.entries(columns).map(([name, [, made]]) => [name, made]))
}

/** Every value of the samples that is long enough to be told from the report's own words. */
function canaries(): string[] {
  const all = { ...madeOf(FOUND), ...LOOK_ALIKES }
  const values = Object.values(all).flatMap((made) =>
    Array.from({ length: ROWS }, (_, row) => made(row)),
  )
  return [...new Set(values)].filter((value) => value.length >= 7)
}

for (const name of SIDES) {
  t.test(`${name}: scan proposes what is there, and nothing that only looks so`, async (t) => {
    const side = await openSide(t, name)
    if (!side) return
    await side.admin(
      ...tableOf('subjects', madeOf(FOUND)),
      ...tableOf('lookalikes', LOOK_ALIKES),
      'CREATE TABLE nobody (id int, email varchar(90), phone varchar(30), email_sent boolean, mail_at timestamp NULL)',
      'CREATE TABLE known (id int, email varchar(90))',
      side.comment('nobody', 'phone', 'varchar(30)', '@pii.phone'),
    )
    const schema = side.postgres ? 'public' : 'shop'
    const folder = t.testdir({})
    const config = join(folder, 'c.yaml')
    writeFileSync(
      config,
      `data: ./data
databases:
  shop:
    upstream: ${side.url}
    classified: { known.email: pii.email }
`,
    )
    const scan = (...args: string[]) =>
      runCommand(registerScan, ['scan', '--config', config, '--database', 'shop', ...args])
    const secrets = canaries()
    const clean = (text: string, of: string) => {
      const found = secrets.filter((value) => text.includes(value))
      t.same(found, [], `no value in ${of}`)
    }

    const plain = await scan()
    t.equal(plain.code, 0, plain.err)
    t.equal(plain.err, '')
    clean(plain.out, 'the YAML')
    const { classified } = parse(plain.out).databases.shop
    const expected = Object.fromEntries(
      Object.entries(FOUND).map(([column, [dataClass]]) => [
        `${schema}.subjects.${column}`,
        dataClass,
      ]),
    )
    const folded = (record: Record<string, string>) =>
      Object.fromEntries(Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]))
    t.same(folded(classified), folded({ ...expected, [`${schema}.nobody.email`]: 'pii.email' }))
    t.match(
      plain.out,
      /subjects\.email: pii\.email # 0\.98: its name says email; 100 % of 60 different values/,
    )
    t.match(
      plain.out,
      /subjects\.contact: pii\.email # 0\.90: 100 % of 60 different values are e-mail/,
    )
    t.match(
      plain.out,
      /nobody\.email: pii\.email # 0\.60: its name says email; there are no values/,
    )
    t.match(plain.out, /^# 4 tables with \d+ columns were looked at, 2 have a class already\.$/m)

    const json = await scan('--json', '--min-confidence', '0.95', '--table', `${schema}.sub*`)
    clean(json.out, 'the JSON')
    const report = JSON.parse(json.out)
    t.match(report, { database: 'shop', looked: { tables: 1 }, classified: 0, unread: [] })
    t.ok(report.proposals.length > 4)
    t.ok(report.proposals.every((each: { confidence: number }) => each.confidence >= 0.95))

    const out = join(folder, 'proposed.yaml')
    const written = await scan('--out', out, '--sample', '0')
    t.equal(written.code, 0)
    t.equal(statSync(out).mode & 0o777, 0o600)
    t.match(readFileSync(out, 'utf8'), /subjects\.email: pii\.email # 0\.60/, 'by its name alone')
    t.notMatch(readFileSync(out, 'utf8'), /contact/)
    const again = await scan('--out', out)
    t.equal(again.code, 1, 'it takes the place of no file')
    clean(again.err, 'an error')

    for (const wrong of [
      ['--sample', '-1'],
      ['--sample', '10001'],
      ['--min-confidence', '2'],
    ]) {
      const ran = await scan(...wrong)
      t.ok(ran.code !== 0 && ran.out === '', wrong.join(' '))
    }
    const nowhere = await runCommand(registerScan, [
      'scan',
      '--config',
      config,
      '--database',
      'other',
    ])
    t.equal(nowhere.code, 2)
    t.notOk(existsSync(join(folder, 'data')), 'it keeps nothing')
  })

  t.test(`${name}: what rows and errors hold stays with the server`, async (t) => {
    const side = await openSide(t, name)
    if (!side) return
    const secret = 'canary-7f3a@example.com'
    await side.admin(
      'CREATE TABLE broken (id int, email varchar(90))',
      `INSERT INTO broken VALUES (1, '${secret}')`,
      ...(side.postgres
        ? [
            // A view's column of a domain isn't read; a table whose rows fail to be written out is.
            `CREATE TABLE locked (id int, email varchar(90))`,
            `INSERT INTO locked VALUES (1, '${secret}')`,
            'REVOKE ALL ON locked FROM app',
          ]
        : []),
      'CREATE TABLE odd (id int)',
      side.postgres
        ? 'ALTER TABLE odd ADD COLUMN "e.mail" text, ADD COLUMN "it""s: # {email}" text'
        : 'ALTER TABLE odd ADD COLUMN `e.mail` text, ADD COLUMN `it"s: # {email}` text',
    )
    const config = join(t.testdir({}), 'c.yaml')
    writeFileSync(config, `databases: { shop: { upstream: "${side.url}" } }`)
    const ran = await runCommand(registerScan, ['scan', '--config', config, '--database', 'shop'])
    t.equal(ran.code, 0, ran.err)
    t.notMatch(ran.out + ran.err, /canary/)
    const { classified } = parse(ran.out).databases.shop
    const schema = side.postgres ? 'public' : 'shop'
    t.equal(
      classified[`${schema}.odd.it"s: # {email}`],
      'pii.email',
      'a name that YAML would misread',
    )
    t.match(ran.out, /no pattern can name it: \["(?:public|shop)","odd","e\.mail"\] pii\.email/)
    if (side.postgres) {
      t.match(ran.out, /# by names only: public\.locked, its rows can't be read \(42501\)/)
      t.equal(classified['public.locked.email'], 'pii.email')
    }
  })
}

t.test('a name is read by its words', async (t) => {
  t.equal(wordsOf('customerEMail2'), 'customer_e_mail_2')
  t.equal(wordsOf('HTTPToken'), 'http_token')
  t.equal(wordsOf('  Card-Number '), 'card_number')
  const values = new Set(Array.from({ length: 20 }, (_, row) => `text ${row}`))
  t.equal(judgeColumn({ name: 'email', family: 'text', values }), null, 'its values say otherwise')
  t.match(judgeColumn({ name: 'password', family: 'text', values }), { dataClass: 'secret.key' })
  t.equal(judgeColumn({ name: 'email', family: 'other', values: new Set() }), null, 'a boolean')
  const few = new Set(['ana@example.com', 'bo@example.com'])
  t.equal(judgeColumn({ name: 'field', family: 'text', values: few }), null, 'too few to prove it')
})
