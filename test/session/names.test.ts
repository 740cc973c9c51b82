import t from 'tap'
import { combineDecisions } from '../../src/session/combine-decisions.ts'
import { CancelKeys } from '../../src/session/door/cancel-keys.ts'
import { Names } from '../../src/session/session-names.ts'
import { TentativeMap } from '../../src/session/tentative-map.ts'
import { NamesSoFar } from '../../src/sql/names-so-far.ts'
import type { Classification, SessionName } from '../../src/sql/statement.ts'

const statement = (verb: string, names: readonly SessionName[] = []): Classification => ({
  verb,
  sql: verb,
  tokens: verb,
  fingerprint: verb,
  redacted: verb,
  withoutLiterals: verb,
  effects: [],
  tables: [],
  functions: [],
  classes: [],
  output: 'clear',
  safeOutputs: [],
  connectionBound: false,
  names,
})

t.test('a name that is not settled counts, and comes undone', async (t) => {
  const map = new TentativeMap<number>(
    () => {},
    () => 0,
  )
  const first = map.set('a', 1)
  const second = map.set('a', 2)
  t.equal(map.get('a'), 2, 'what was asked last is what comes next')
  second(false)
  t.equal(map.get('a'), 1)
  first(true)
  const gone = map.delete('a')
  t.equal(map.get('a'), undefined)
  gone(false)
  t.equal(map.get('a'), 1, 'a DEALLOCATE that failed')
  const third = map.set('a', 3)
  const cleared = map.clear()
  third(true)
  t.equal(map.get('a'), undefined)
  cleared(true)
  t.equal(map.get('a'), undefined)
  cleared(false)
  t.equal(map.get('a'), undefined, 'settled once')
})

t.test('a name is ambiguous from the next segment on, until the server has answered', async (t) => {
  let segment = 0
  const map = new TentativeMap<number>(
    () => {},
    () => segment,
  )
  map.set('a', 1)(true)
  const settle = map.set('a', 2)
  t.equal(map.ambiguous('a', 0), false, 'in its own segment a failure skips what uses it')
  segment = 1
  t.equal(map.ambiguous('a', 1), true)
  t.equal(map.anyAmbiguous(1), true)
  settle(false)
  t.equal(map.ambiguous('a', 1), false)
  t.same([map.anyAmbiguous(1), map.get('a')], [false, 1])
  const freed = map.delete('a')
  segment = 2
  t.equal(map.ambiguous('a', 2), true, 'so is one that may have been freed')
  freed(true)
  t.equal(map.get('a'), undefined)
  map.set('new', 1)
  t.equal(map.ambiguous('new', 3), false, 'a new name has one meaning or none')
})

t.test('names have a bound, and replacing one is no new name', async (t) => {
  const map = new TentativeMap<number>(
    (size) => {
      if (size >= 2) throw new Error('too many')
    },
    () => 0,
  )
  map.set('a', 1)(true)
  map.set('b', 1)(true)
  map.set('a', 2)(true)
  t.throws(() => map.set('c', 1), { message: 'too many' })
  map.delete('a')(true)
  map.set('c', 1)(true)
  t.equal(map.get('c'), 1)
})

t.test('what names keep has a bound too, and what they let go is not counted', async (t) => {
  const map = new TentativeMap<string>(
    (_size, weight) => {
      if (weight >= 10) throw new Error('too much')
    },
    () => 0,
    (text) => text.length,
  )
  for (let times = 0; times < 20; times++) map.set('a', 'seven..')(times % 2 === 0)
  map.set('b', 'three')(true)
  t.throws(() => map.set('c', ''), { message: 'too much' })
  t.throws(() => map.set('a', ''), { message: 'too much' }, 'replacing it also keeps both a while')
  map.delete('a')(true)
  map.set('c', 'x')(true)
  t.equal(map.get('c'), 'x')
})

t.test('cursors and portals share one name space', async (t) => {
  const names = new Names(() => 1)
  const cursor = statement('SELECT cursor')
  const declare = statement('DECLARE', [{ kind: 'declare', name: 'c', inner: cursor }])
  names.portals.set('c', { sql: '', parameters: [] } as never)(true)
  const settle = names.follow(declare)
  t.equal(names.portals.get('c'), undefined, 'the portal is not there any more')
  t.equal(names.cursor('c'), cursor)
  settle(false)
  t.ok(names.portals.get('c'), 'unless the DECLARE failed')
  t.equal(names.cursors.get('c'), undefined)
})

t.test('a PREPARE is followed to the statement behind it, until it is freed', async (t) => {
  const names = new Names(() => 1)
  const inner = statement('SELECT inner')
  names.follow(statement('PREPARE', [{ kind: 'prepare', name: 'p', inner }]))(true)
  t.equal(names.prepared('p'), inner)
  const all = names.follow(statement('DISCARD', [{ kind: 'discard', what: 'all' }]))
  t.equal(names.prepared('p'), undefined)
  all(false)
  t.equal(names.prepared('p'), inner)
  names.follow(statement('DEALLOCATE', [{ kind: 'deallocate', name: null }]))(true)
  t.equal(names.prepared('p'), undefined)
})

t.test(
  'a cancel key opens nothing but its own session, and nothing once that is over',
  async (t) => {
    const keys = new CancelKeys()
    const session = { cancel: () => {} }
    const { key, release } = keys.issue(session, 32, keys.newId())
    t.equal(keys.find({ processId: key.processId, secret: Buffer.from(key.secret) }), session)
    const wrong = Buffer.from(key.secret)
    wrong[31] = (wrong[31] as number) ^ 1
    t.equal(keys.find({ processId: key.processId, secret: wrong }), undefined)
    t.equal(keys.find({ processId: key.processId, secret: key.secret.subarray(0, 4) }), undefined)
    t.equal(keys.find({ processId: key.processId, secret: Buffer.alloc(0) }), undefined)
    t.equal(keys.find({ processId: key.processId ^ 1, secret: key.secret }), undefined)
    release()
    t.equal(keys.find(key), undefined)
  },
)

t.test('several statements are decided as one', async (t) => {
  const allow = (unmask: string[] = []) => ({ kind: 'allow' as const, rules: ['a'], unmask })
  const deny = { kind: 'deny' as const, rule: 'd', reason: 'no' }
  const ask = (rule: string, holdMs: number | null, expiresMs: number) => ({
    kind: 'require-approval' as const,
    rules: [rule],
    requirements: [{ rule, by: ['dba'], count: 1 }],
    unmask: ['pii.email'],
    holdMs,
    expiresMs,
  })
  t.match(combineDecisions([allow(), ask('r', null, 5), deny]), deny, 'one denial is enough')
  const both = combineDecisions([ask('one', 900, 50), allow(['pii.email']), ask('two', 300, 70)])
  t.match(both, { kind: 'require-approval', holdMs: 300, expiresMs: 50, unmask: ['pii.email'] })
  t.equal(both.kind === 'require-approval' && both.requirements.length, 2, 'approvals add up')
  t.same(
    combineDecisions([allow(['pii.email']), allow()]),
    { kind: 'allow', rules: ['a'], unmask: [] },
    'what one may show is not shown for its neighbour',
  )
})

t.test(
  'portals end with their transaction, and what is settled later changes nothing',
  async (t) => {
    let weight = 0
    const map = new TentativeMap<string>(
      (_size, bytes) => {
        weight = bytes
      },
      () => 0,
      (value) => value.length,
    )
    const early = map.set('a', 'long')
    map.set('a', 'other')
    map.forget()
    t.equal(map.get('a'), undefined)
    map.set('a', 'new')(true)
    early(false)
    early(true)
    t.equal(map.get('a'), 'new')
    map.set('b', '')
    t.equal(weight, 3, 'of what is there')
    t.equal(map.anyAmbiguous(1), false)
  },
)

t.test(
  'what a cursor shows is certain until code may have opened another by its name',
  async (t) => {
    const names = new Names(() => 1)
    const safe = { ...statement('SELECT safe'), output: 'classified' as const, safeOutputs: [0] }
    const declare = statement('DECLARE', [{ kind: 'declare', name: 'c', inner: safe }])
    const unseen = {
      ...statement('CALL'),
      effects: [{ effect: 'opaque' as const, reason: 'opens a cursor that may outlive it' }],
    }
    names.follow(declare)(true)
    names.follow(statement('SELECT'))(true)
    t.same(names.cursor('c')?.safeOutputs, [0])
    names.follow(unseen)(true)
    t.same(names.cursor('c')?.safeOutputs, [], 'it may be another one')
    names.follow(declare)(false)
    t.same(names.cursor('c')?.safeOutputs, [], 'a DECLARE that fails makes none')
    names.follow(declare)(true)
    t.same(names.cursor('c')?.safeOutputs, [0], 'one that succeeds does')
    const soFar = new NamesSoFar(names)
    t.same(soFar.cursor('c')?.safeOutputs, [0])
    soFar.follow(unseen)
    t.same(soFar.cursor('c')?.safeOutputs, [], 'in one text with it, too')
    soFar.follow(declare)
    t.same(soFar.cursor('c')?.safeOutputs, [0])
    soFar.follow(unseen)
    t.same(soFar.cursor('c')?.safeOutputs, [])
  },
)

t.test('what a statement shows is not known any more where the schema has changed', async (t) => {
  let version = 1
  const names = new Names(() => version)
  const inner = { ...statement('SELECT'), lineage: [{ name: 'a', sources: [] }] }
  names.follow(statement('PREPARE', [{ kind: 'prepare', name: 'p', inner }]))(true)
  t.ok(names.prepared('p')?.lineage)
  version = 2
  t.match(names.prepared('p'), { output: 'classified', safeOutputs: [], lineage: undefined })
})
