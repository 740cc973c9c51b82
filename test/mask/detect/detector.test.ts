import t from 'tap'
import { Detections } from '../../../src/mask/detect/detections.ts'
import { LOOKED_AT } from '../../../src/mask/detect/detector.ts'
import { DETECTIONS, type Detection } from '../../../src/mask/detect/kinds.ts'
import { finderOf } from '../../../src/mask/detect/look.ts'

const find = finderOf(DETECTIONS)
/** In parts, so that nobody takes this file for one that lost a key. */
const glued = (...parts: string[]) => parts.join('')
const letters = (count: number) => 'aB3dE6gH9jK2mN5pQ8sT'.repeat(10).slice(0, count)
const hex = (count: number) => '0123456789abcdef'.repeat(5).slice(0, count)

const SECRETS: [kind: Detection, secret: string][] = [
  ['api-key', glued('AKIA', 'IOSFODNN7EXAMPLE')],
  ['api-key', glued('AKIA', 'Z7QK4MNOPQRS2345')],
  ['api-key', glued('sk_', 'live_', letters(24))],
  ['api-key', glued('rk_', 'test_', letters(24))],
  ['api-key', glued('AIza', letters(35))],
  ['api-key', glued('ghp_', letters(36))],
  ['api-key', glued('github_pat_', letters(82))],
  ['api-key', glued('glpat-', letters(20))],
  ['api-key', glued('xoxb-', '123456789012-123456789012-', letters(24))],
  ['api-key', glued('npm_', letters(36))],
  ['api-key', glued('sk-', 'proj-', letters(48))],
  ['api-key', glued('sk-ant-', 'api03-', letters(93), 'AA')],
  ['api-key', glued('SG.', letters(22), '.', letters(43))],
  ['api-key', glued('hvs.', letters(95))],
  ['api-key', glued('dapi', hex(32))],
  ['api-key', glued('SK', hex(32))],
  ['api-key', glued('dckr_pat_', letters(27))],
  ['api-key', glued('shpat_', hex(32))],
  ['api-key', glued('hf_', 'abcdefghijklmnopqrstuvwxyzABCDEFGH')],
  ['api-key', glued('gsk_', letters(52))],
  ['api-key', glued('lin_api_', letters(40))],
  ['api-key', glued('figd_', letters(40))],
  ['api-key', glued('glsa_', letters(32), '_', hex(8))],
  ['api-key', glued('pypi-', letters(60))],
  ['token', glued('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxIn0.', letters(43))],
  ['token', glued('Bearer ', letters(40))],
  ['token', glued('ya29.', letters(40))],
  ['token', glued('dop_v1_', hex(64))],
  ['card', '4111111111111111'],
  ['card', '4111 1111 1111 1111'],
  ['card', '3782-822463-10005'],
  ['card', '5555555555554444'],
  ['national-id', '123-45-6789'],
  ['national-id', 'AB 12 34 56 C'],
  ['national-id', '12345678Z'],
  ['national-id', 'X1234567L'],
  ['national-id', 'RSSMRA85T10A562S'],
  ['national-id', '131052-308T'],
  ['national-id', '529.982.247-25'],
  ['national-id', '2 55 08 14 168 025 38'],
  [
    'private-key',
    glued('-----BEGIN RSA ', 'PRIVATE KEY-----\nMIIx\n-----END RSA PRIVATE KEY-----'),
  ],
  ['private-key', glued('-----BEGIN ', 'PRIVATE KEY-----\\nMIIx')],
]

const piecesOf = (text: string, kinds: readonly Detection[] = DETECTIONS) =>
  finderOf(kinds)(text).map(({ start, end }) => text.slice(start, end))

t.test('finds every kind, wherever it stands in a text', async (t) => {
  for (const [kind, secret] of SECRETS) {
    for (const [before, after] of [
      ['', ''],
      ['say ', ', please'],
      ['{"a":"', '"}'],
      ['x=', '\n'],
      ['é', ' é'],
    ]) {
      if (secret.endsWith('MIIx') && after !== '') continue
      const found = piecesOf(`${before}${secret}${after}`, [kind])
      const whole = found.length === 1 && found[0]?.includes(secret.split('.')[0] ?? '')
      t.ok(whole, `${kind} ${before}${secret.slice(0, 12)}${after}: ${found}`)
    }
  }
})

t.test('leaves what only looks a little like it', async (t) => {
  const honest = [
    'ana@example.com',
    '2026-11-22 14:05:11.123456+00',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    '4111111111111112',
    '1234567812345678123456781234567812345678',
    '41111111.11111111',
    'order 1234-5678-9012-3456',
    '+1 (555) 630-3171',
    '000-12-3456 and 912-34-5678 and 123-00-4567',
    '12345678A',
    'sk-learn and key-value and the eyJ of nothing',
    'npm_config_registry',
    'the bearer of this note',
    'https://example.com/a@b',
    'postgres://db.example.com/shop',
    '-----BEGIN CERTIFICATE-----',
    'deadbeef'.repeat(8),
    '10.12.1984, 3.141592653589793',
  ]
  for (const text of honest) t.same(piecesOf(text), [], text)
})

t.test('looks for what is asked for, and counts and names each column once', async (t) => {
  t.same(piecesOf('4111111111111111 123-45-6789', ['card']), ['4111111111111111'])
  t.same(piecesOf(glued('ghp_', letters(36)), ['token']).length, 1, 'a key or a token')
  t.same(piecesOf(glued('ghp_', letters(36)), ['card', 'private-key']), [])
  const named: string[] = []
  const detections = new Detections((...found) => named.push(found.join(' ')))
  t.equal(detections.detectorFor('shop', []), null)
  const detector = detections.detectorFor('shop', ['card', 'national-id'])
  if (!detector) throw new Error('nothing is looked for')
  const masker = detector.masker('public.notes.body', false)
  const shown = (text: string) => masker(Buffer.from(text))?.toString()
  t.equal(shown('card 4111 1111 1111 1111.'), 'card *******************.')
  t.equal(shown('4111111111111111, 5555555555554444'), '****************, ****************')
  t.equal(shown('ssn 123-45-6789'), 'ssn ***********')
  t.same(named, ['shop public.notes.body card', 'shop public.notes.body national-id'])
  t.same(detections.counters, {
    'detected_total{kind="card"}': 3,
    'detected_total{kind="national-id"}': 1,
    detect_cut_short_total: 0,
  })
  const cell = Buffer.from('nothing to see here')
  t.equal(masker(cell), cell, 'the very bytes')
  const long = `${'x'.repeat(LOOKED_AT)} 4111111111111111`
  t.equal(shown(long), long, 'what is behind the first 64 KiB passes')
  t.equal(detections.counters.detect_cut_short_total, 1, 'and is counted')
})

t.test('a document stays one', async (t) => {
  const detector = new Detections(() => {}).detectorFor('shop', DETECTIONS)
  const masker = detector?.masker('public.notes.body', true)
  const documents: [unknown, unknown][] = [
    [{ card: 4111111111111111 }, { card: 0 }],
    [
      [-4111111111111111, 'x'],
      [-0, 'x'],
    ],
    [{ 'a"b': '4111 1111 1111 1111, thanks' }, { 'a"b': `${'*'.repeat(19)}, thanks` }],
    [{ pem: SECRETS.at(-2)?.[1] }, null],
    ['4111111111111111', '*'.repeat(16)],
    [4111111111111111, 0],
  ]
  for (const [document, expected] of documents) {
    const shown = masker?.(Buffer.from(JSON.stringify(document)))?.toString() ?? ''
    if (expected === null) t.notMatch(JSON.stringify(JSON.parse(shown)), /MIIx/)
    else t.same(JSON.parse(shown), expected, shown)
  }
})

t.test('text in another encoding is looked at as text', async (t) => {
  const detector = new Detections(() => {}).detectorFor('shop', DETECTIONS)
  const utf16 = {
    decode: (cell: Buffer) => cell.toString('utf16le'),
    encode: (text: string) => Buffer.from(text, 'utf16le'),
  }
  const masker = detector?.encodedMasker('a.b.c', utf16, false)
  const shown = (text: string) => utf16.decode(masker?.(utf16.encode(text)) ?? Buffer.alloc(0))
  t.equal(shown('東京 4111111111111111 😀é'), '東京 **************** 😀é')
  t.equal(shown('東京 \x7f nothing 😀'), '東京 \x7f nothing 😀')
})

t.test('hostile texts cost no more for their length than others', async (t) => {
  const pieces = [
    'http://',
    'xoxb-a-',
    'eyJ-',
    'eyJ.',
    '1 ',
    '4111 ',
    '-----BEGIN PRIVATE KEY-----',
  ]
  for (const piece of [...pieces, 'SG.a', 'mysql://a:b', 'Bearer a', '1-1', 'A1', '"', '\\']) {
    const text = piece.repeat(Math.ceil(LOOKED_AT / piece.length))
    t.doesNotThrow(() => find(text), piece)
  }
})
