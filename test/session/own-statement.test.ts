import t from 'tap'
import { mentionsProxy, readOwnStatement } from '../../src/session/own-statement.ts'
import { SaidSettings } from '../../src/session/said-settings.ts'

const read = (text: string) => readOwnStatement(Buffer.from(text))
const shortly = (text: string) => {
  const own = read(text)
  if (own === null) return null
  if (own.kind === 'wrong') return `wrong: ${own.error.message}`
  if (own.kind === 'requests') return `requests ${own.id ?? '*'}`
  return own.kind === 'show' ? `show ${own.name}` : `${own.name}=${own.value ?? 'default'}`
}

t.test('reads what is for the proxy, as people and tools write it', async (t) => {
  for (const [text, expected] of [
    ['SELECT * FROM countersign.requests', 'requests *'],
    ['select *\n from "countersign"."requests" ; ', 'requests *'],
    ['SELECT * FROM `countersign`.`requests`', 'requests *'],
    [
      "/* app:42 */ SELECT * FROM countersign . requests WHERE id = '86ejavwr5299' -- x",
      'requests 86ejavwr5299',
    ],
    ["SHOW countersign.request '86ejavwr5299'", 'requests 86ejavwr5299'],
    ['SHOW countersign.hold', 'show hold'],
    ["SET countersign.hold = '0s'", 'hold=0s'],
    ['SET countersign.hold TO 10s', 'hold=10s'],
    ["set session countersign.reason='it''s monthly'", "reason=it's monthly"],
    ["SET countersign.clear = 'pii.email, pci.*';", 'clear=pii.email, pci.*'],
    ['SET countersign.hold = DEFAULT', 'hold=default'],
    ["SET countersign.hold = 'default'", 'hold=default'],
    ['RESET countersign.claim', 'claim=default'],
  ] as const) {
    t.equal(shortly(text), expected, text)
  }
})

t.test('says which forms there are, to whoever writes another', async (t) => {
  for (const text of [
    "SELECT * FROM countersign.requests WHERE state = 'pending'",
    "SELECT * FROM countersign.requests WHERE id = '1' OR true",
    "SELECT * FROM countersign.requests WHERE id = 'x' UNION SELECT * FROM customers",
    'SELECT * FROM countersign.requests WHERE id = $1',
    'SELECT * FROM countersign.requests r',
    'SELECT * FROM countersign.requests; DROP TABLE customers',
    'SHOW countersign.request',
    "SHOW countersign.request '1' '2'",
  ]) {
    t.match(shortly(text), /^wrong: countersign\.requests is answered by the proxy, in these forms/)
  }
  for (const [text, why] of [
    ["SELECT * FROM countersign.requests WHERE id = ''", /not the id/],
    ["SELECT * FROM countersign.requests WHERE id = 'x'' OR ''1'", /not the id/],
    [`SHOW countersign.request '${'x'.repeat(65)}'`, /not the id/],
    ["SET LOCAL countersign.hold = '0s'", /say SET/],
    ["SET GLOBAL countersign.hold = '0s'", /say SET/],
    ["SET countersign.on_behalf_of = 'bo@example.com'", /when the connection begins/],
    ["SET countersign.owners = 'me'", /take countersign\.hold/],
    ["SET countersign.hold = '0s', statement_timeout = 0", /by itself/],
    ["SET countersign.hold = '0s'; SELECT 1", /by itself/],
    ["SET countersign.hold = E'0s'", /by itself/],
    ["SET countersign.hold = 'a\\'", /by itself/],
    ["SET countersign.hold = (SELECT '9h')", /by itself/],
    [`SET countersign.reason = '${'x'.repeat(5_000)}'`, /by itself|too long/],
    ['RESET countersign.everything', /take countersign\.hold/],
  ] as const) {
    t.match(shortly(text), why, text.slice(0, 80))
  }
})

t.test('leaves everything else to go its way', async (t) => {
  for (const text of [
    'SELECT 1',
    "SELECT 'countersign.requests'",
    'SELECT id FROM countersign.requests',
    'SELECT * FROM public.countersign',
    "INSERT INTO t VALUES ('SET countersign.hold = 1')",
    "/*!SET countersign.hold = '9h'*/",
    "/*M!100000 SET countersign.hold = '9h'*/",
    "SELECT set_config('countersign.hold', '9h', false)",
    "SET @x = 'countersign.hold'",
    'SET Countersign.Hold = 1',
    '-- SET countersign.hold = 1',
    '# SELECT * FROM countersign.requests',
    '',
  ]) {
    t.equal(read(text), null, text)
  }
  t.equal(mentionsProxy(Buffer.from(`${' '.repeat(5_000)}countersign`)), false)
  t.ok(mentionsProxy(Buffer.from('select COUNTERSIGN')))
})

t.test('what is said counts at once, and is as it was after a reset', async (t) => {
  const said = new SaidSettings({
    agent: { name: 'bot', owners: [], databases: [], credentialCreatedBy: [] },
    database: 'shop',
    environment: null,
    onBehalfOf: null,
    asksHoldMs: 5_000,
    asksClear: [],
    claim: 'at first',
    applicationName: '',
    address: '127.0.0.1',
    tls: null,
  })
  const { principal } = said
  said.set('hold', '0s')
  said.set('reason', 'monthly report')
  said.set('clear', 'pii.email')
  t.match(principal, { asksHoldMs: 0, claim: 'monthly report', asksClear: ['pii.email'] })
  t.same(
    [said.show('hold'), said.show('claim'), said.show('clear')],
    ['0s', 'monthly report', 'pii.email'],
  )
  for (const [name, value] of [
    ['hold', 'for ever'],
    ['hold', '-1s'],
    ['reason', 'x'.repeat(501)],
    ['clear', 'everything; DROP'],
  ] as const) {
    t.throws(() => said.set(name, value), { code: 'STARTUP_REFUSED' })
  }
  t.match(principal, { asksHoldMs: 0, claim: 'monthly report' }, 'nothing of it')
  said.reset('claim')
  t.match(principal, { asksHoldMs: 0, claim: 'at first' })
  said.resetAll()
  t.match(principal, { asksHoldMs: 5_000, asksClear: [] })
  t.same([said.show('hold'), said.show('reason')], ['5000ms', 'at first'])
})
