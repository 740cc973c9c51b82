import t from 'tap'
import {
  authorizeDecision,
  clearedBy,
  type DecidableRequest,
} from '../../src/identity/authorize-decision.ts'
import { Directory, type PersonEntry } from '../../src/identity/directory.ts'

const people: readonly PersonEntry[] = [
  { email: 'ana@example.com', groups: ['dba', 'approvers'], slack: 'UANA' },
  { email: 'bo@example.com', groups: ['dba', 'data-owner'], slack: null },
  { email: 'cy@example.com', groups: ['support'], slack: null },
]
const directory = new Directory(people)

function request(change: Partial<DecidableRequest> = {}): DecidableRequest {
  return {
    agent: 'billing-bot',
    owners: ['owner@example.com'],
    onBehalfOf: null,
    credentialCreatedBy: null,
    requirements: [{ rule: 'r', by: ['dba'], count: 1 }],
    votes: [],
    clearable: [],
    ...change,
  }
}

function ask(
  email: string,
  change: Partial<DecidableRequest> = {},
  decision: 'approve' | 'deny' = 'approve',
) {
  return authorizeDecision({ person: { email }, request: request(change), decision, directory })
}

function yes(person: string) {
  return { person, decision: 'approve' } as const
}

t.test('a person of the group that is asked may approve', async (t) => {
  t.match(ask('ana@example.com'), { ok: true, completes: true })
  t.match(ask('cy@example.com'), { ok: false, code: 'not_an_approver' })
  t.match(ask('nobody@example.com'), { ok: false, code: 'not_an_approver' })
})

t.test('nobody signs for themselves, whatever ties them to the agent', async (t) => {
  const ties: Record<string, Partial<DecidableRequest>> = {
    'the owner': { owners: ['ana@example.com'] },
    'a member of the owning group': { owners: ['dba'] },
    'the person behind the agent': { onBehalfOf: 'ana@example.com' },
    'who made the credential': { credentialCreatedBy: 'ana@example.com' },
    'who made one of two secrets': { credentialCreatedBy: ['bo@example.com', 'Ana@Example.com'] },
    'an agent that is called like a person': { agent: 'ana@example.com' },
    'the owner, written otherwise': { owners: [' ANA@Example.COM '] },
    'the person behind it, in full-width letters': { onBehalfOf: 'ａｎａ@example.com' },
  }
  for (const [who, tie] of Object.entries(ties)) {
    t.match(ask('ana@example.com', tie), { ok: false, code: 'self_approval' }, `${who}, approving`)
    t.match(ask('Ana@example.com', tie, 'deny'), { ok: false, code: 'self_approval' }, who)
  }
})

t.test('quorum counts distinct people', async (t) => {
  const two = { requirements: [{ rule: 'r', by: ['dba', 'approvers'], count: 2 }] }
  t.match(ask('ana@example.com', two), { ok: true, completes: false })
  const again = ask('ANA@example.com', { ...two, votes: [yes('ana@example.com')] })
  t.match(again, { ok: true, completes: false }, 'a second vote of one person is still one')
  t.match(ask('bo@example.com', { ...two, votes: [yes('ana@example.com')] }), { completes: true })
})

t.test('a vote stops counting when its person may not sign any more', async (t) => {
  const two = { requirements: [{ rule: 'r', by: ['dba'], count: 2 }] }
  const left = ask('bo@example.com', { ...two, votes: [yes('cy@example.com')] })
  t.match(left, { ok: true, completes: false }, 'left the group')
  const owner = ask('bo@example.com', {
    ...two,
    owners: ['ana@example.com'],
    votes: [yes('ana@example.com')],
  })
  t.match(owner, { ok: true, completes: false }, 'owns the agent')
})

t.test('all requirements have to be met, and only an open one asks for a vote', async (t) => {
  const both = {
    requirements: [
      { rule: 'a', by: ['approvers'], count: 1 },
      { rule: 'b', by: ['data-owner'], count: 1 },
    ],
  }
  t.match(ask('ana@example.com', both), { ok: true, completes: false })
  const done = { ...both, votes: [yes('ana@example.com')] }
  t.match(ask('ana@example.com', done), { ok: false, code: 'not_an_approver' })
  t.match(ask('ana@example.com', done, 'deny'), { ok: true }, 'who signed may still say no')
  t.match(ask('bo@example.com', done), { ok: true, completes: true })
})

t.test('a requirement that nobody can meet is met by nobody', async (t) => {
  const none = { requirements: [{ rule: 'r', by: ['approvers-of-nothing'], count: 1 }] }
  t.match(ask('ana@example.com', none), { ok: false, code: 'not_an_approver' })
  t.match(ask('ana@example.com', { requirements: [] }), { ok: false, code: 'not_an_approver' })
  const zero = { requirements: [{ rule: 'r', by: ['dba'], count: 0 }] }
  t.match(ask('ana@example.com', zero), { ok: true, completes: true }, 'zero people means one')
  const empty = { requirements: [{ rule: 'r', by: [], count: 1 }] }
  t.match(ask('ana@example.com', empty), { ok: false })
})

t.test('two entries that would be one person are refused', async (t) => {
  const entry = (email: string, slack: string | null) => ({ email, groups: [], slack })
  const twice = [entry('ana@example.com', null), entry('ANA@example.com', null)]
  t.throws(() => new Directory(twice), { code: 'CONFIG_INVALID' })
  const shared = [entry('ana@example.com', 'U1'), entry('bo@example.com', 'U1')]
  t.throws(() => new Directory(shared), { code: 'CONFIG_INVALID' })
  t.same(directory.membersOf('dba'), ['ana@example.com', 'bo@example.com'])
  t.equal(directory.bySlack('UANA')?.email, 'ana@example.com')
})

t.test('who lets a class leave in clear must have that right when it counts', async (t) => {
  const clears = new Map([['data-owner', { clears: ['pii.*'] }]])
  const now = new Directory(people, clears)
  const two = {
    requirements: [{ rule: 'r', by: ['dba'], count: 2 }],
    clearable: ['pii.email', 'hr.salary'],
  }
  const approving = (email: string, ...classes: string[]) =>
    authorizeDecision({
      person: { email },
      request: request(two),
      decision: 'approve',
      clears: classes,
      directory: now,
    })
  t.match(approving('bo@example.com', 'pii.email'), { ok: true })
  for (const classes of [['hr.salary'], ['pii.ssn'], ['pii.*'], ['pii.email', 'hr.salary']]) {
    t.match(approving('bo@example.com', ...classes), { ok: false, code: 'may_not_clear' })
  }
  t.match(approving('ana@example.com', 'pii.email'), { ok: false, code: 'may_not_clear' })
  t.match(approving('cy@example.com', 'pii.email'), { ok: false, code: 'not_an_approver' })

  const voted = (change: Partial<DecidableRequest> = {}) => ({
    ...request({ ...two, ...change }),
    votes: [
      { ...yes('bo@example.com'), clears: ['pii.email'] },
      { ...yes('ana@example.com'), clears: [] },
    ],
  })
  t.same(clearedBy(voted(), now), ['pii.email'])
  t.same(clearedBy(voted(), new Directory(people)), [], 'the group clears nothing any more')
  const left = people.map((one) => ({ ...one, groups: ['dba'] }))
  t.same(clearedBy(voted(), new Directory(left, clears)), [], 'they left the group')
  t.same(clearedBy(voted({ owners: ['bo@example.com'] }), now), [], 'they own the agent now')
  t.same(clearedBy(voted({ clearable: [] }), now), [], 'it could not be shown')
})
