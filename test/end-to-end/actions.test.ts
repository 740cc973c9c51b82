// biome-ignore-all lint/suspicious/noThenProperty: a rule's action is called so
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { AGENT, startCountersign } from '../support/countersign.ts'
import { startPostgres } from '../support/postgres.ts'

const SECRET = 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE='

t.test('actions, from an agent over people to the trail and those who are told', async (t) => {
  const told: string[] = []
  const receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const headers = request.headers as Record<string, string>
      const { type } = new Webhook(SECRET).verify(body, headers) as { type: string }
      told.push(type)
      response.end()
      if (type === 'approval.settled') last()
    })
  })
  let last = () => {}
  const settled = new Promise<void>((resolve) => {
    last = resolve
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  t.teardown(() => receiver.close())
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const db = await startPostgres(t, { schema: '' })
  const rules = [
    { name: 'jobs', when: { action: 'job.*' }, then: 'allow' },
    { name: 'models', when: { action: 'model.*' }, then: { approve: { by: ['approvers'] } } },
  ]
  const channels = { webhooks: [{ url, secret: SECRET }] }
  const proxy = await startCountersign(t, {
    upstream: db.superuserUrl,
    config: { rules, channels },
  })
  const { token } = (await proxy.command('agent', 'token', AGENT)) as { token: string }
  const call = async (path: string, body?: object) => {
    const response = await fetch(`${proxy.control}/v1/actions${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer = (await response.json()) as { id: string; permitted: boolean }
    return { status: response.status, ...answer }
  }

  const job = await call('', { action: 'job.run', resource: 'nightly' })
  t.match(job, { status: 200, permitted: true })
  const { id } = await call('', { action: 'model.deploy', resource: 'prod', context: { v: 7 } })
  const polled = call(`/${id}?wait=20`)
  const decided = await proxy.decide(id, 'approve')
  t.equal(decided.status, 200)
  t.match(await polled, { status: 200, permitted: true })
  t.equal((await call(`/${id}`)).status, 409)
  t.equal((await call(`/${id}/result`, { outcome: 'executed' })).status, 200)
  await settled
  t.same([...told].sort(), ['approval.requested', 'approval.resolved', 'approval.settled'])

  const answer = await proxy.api('/v1/audit?type=a*.*')
  const { records } = (await answer.json()) as { records: { record: { type: string } }[] }
  t.same(
    records.map(({ record }) => record.type).filter((type) => type !== 'audit.searched'),
    [
      'action.allowed',
      'approval.requested',
      'approval.voted',
      'approval.resolved',
      'approval.spent',
      'action.outcome',
    ],
  )
  await proxy.command('agent', 'revoke', AGENT)
  t.equal((await call('', { action: 'job.run', resource: 'nightly' })).status, 401)
  t.match(await proxy.run('audit', 'verify', '--config', proxy.configPath), { code: 0 })
})
