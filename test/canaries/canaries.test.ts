import t from 'tap'
import { canaryIn, canaryOf, KINDS, plainOf } from './canary.ts'
import { runCanaries } from './run.ts'
import { hasServer } from './servers.ts'

/** For each server; main.ts runs as many as are wanted. */
const COUNT = 150
const SEED = 20_261_122

t.test('a canary is known in whatever it has been turned into', async (t) => {
  const text = canaryOf('varchar', 7)
  const bytes = Buffer.from(text)
  const forms = {
    plain: `name ${text} and more`,
    part: text.slice(3, 9),
    loud: text.toUpperCase(),
    backward: [...text].reverse().join(''),
    hex: bytes.toString('hex'),
    base64: `x${bytes.toString('base64')}`,
    'base64, begun elsewhere': Buffer.from(`ab${text}`).toString('base64'),
    codes: [...bytes].join(','),
    'two bytes a letter': Buffer.from(text, 'utf16le').toString('latin1'),
    'letter by letter': [...text].join(' '),
    bits: [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join(''),
    number: `[${canaryOf('numeric', 3)}]`,
    'number backward': [...canaryOf('int', 3)].reverse().join(''),
    'number in hex': Number(canaryOf('int', 3)).toString(16),
    day: canaryOf('timestamp', 3),
    document: canaryOf('json', 3),
    identifier: canaryOf('uuid', 3),
  }
  for (const [form, said] of Object.entries(forms)) t.ok(canaryIn(said), form)
  const number = Buffer.alloc(12)
  number.writeInt32BE(Number(canaryOf('int', 9)), 4)
  t.equal(canaryIn(number.toString('latin1')), 'binary')
  number.writeDoubleLE(Number(canaryOf('double', 9)), 4)
  t.equal(canaryIn(number.toString('latin1')), 'binary')
  for (const kind of KINDS) {
    t.ok(canaryIn(canaryOf(kind, 11)), kind)
    for (let n = 0; n < 200; n++) t.equal(canaryIn(plainOf(kind, n)), null)
  }
  for (const masked of ['z***@mail.test', '1909-01-01', '***tail', '3042', '[redacted]']) {
    t.equal(canaryIn(masked), null, masked)
  }
})

for (const flavour of ['postgres', 'mariadb', 'mysql'] as const) {
  t.test(`${flavour}: no canary leaves, and what is open comes as it was`, async (t) => {
    if (!hasServer(flavour)) {
      t.comment(`NO SERVER: ${flavour} can't be had on this machine, its cases are skipped`)
      return
    }
    const report = await runCanaries({ flavour, seed: SEED, count: COUNT })
    const { findings, changes, lost, telling, ...tally } = report
    t.comment(`seed ${SEED}`, { ...tally, telling })
    t.same(findings, [])
    const told = Object.values(telling).reduce((sum, count) => sum + count, 0)
    t.ok(told > COUNT / 15, 'enough stories tell a canary where nothing masks')
    t.ok(report.compared > COUNT / 2, 'enough were compared with the direct connection')
    t.ok(report.honest > COUNT / 15, 'enough of them are honest')
    t.ok(report.unchanged > report.honest * 0.9, 'and these come back unchanged')
  })
}
