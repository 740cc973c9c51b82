import t, { type Test } from 'tap'
import { z } from 'zod'
import { answerOf } from '../approval/fixtures.ts'
import { openActions } from '../support/actions-house.ts'

type Node = Readonly<Record<string, unknown>>

interface Operation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Node }>> }
  readonly responses: Readonly<
    Record<string, { description: string; content: Record<string, { schema: Node }> }>
  >
}
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Node>> }
}

/** The schema with what it refers to put in place. */
function whole(schema: unknown, { components }: Document): unknown {
  if (Array.isArray(schema)) return schema.map((item) => whole(item, { components } as Document))
  if (schema === null || typeof schema !== 'object') return schema
  const { $ref } = schema as { $ref?: string }
  if ($ref)
    return whole(components.schemas[$ref.split('/').at(-1) ?? ''], { components } as Document)
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, whole(value, { components } as Document)]),
  )
}

async function openDocument(t: Test) {
  const house = await openActions(t)
  const document = (await house.call('/openapi.json', { token: 'none' }))
    .body as unknown as Document
  const operation = (method: string, path: string) => {
    const found = document.paths[path]?.[method.toLowerCase()]
    if (!found) throw new Error(`${method} ${path} is not described`)
    return found
  }
  /** Calls a route and holds the answer against what the document says of it. */
  const fits = async (
    t: Test,
    [method, path, at = path]: readonly [string, string, string?],
    expected: number,
    options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ) => {
    const { status, body } = await house.call(at, { method, ...options })
    t.equal(status, expected, `${method} ${at}`)
    const answer = operation(method, path).responses[status]
    const schema = answer?.content['application/json']?.schema
    if (!answer || !schema) return t.fail(`${status} of ${method} ${path} is not described`)
    const described = z.fromJSONSchema(whole(schema, document) as never)
    t.same(described.safeParse(body).error?.issues ?? [], [], `${status} of ${method} ${path}`)
    const { code } = (body.error ?? {}) as { code?: string }
    if (code !== undefined) t.match(answer.description, new RegExp(`\\b${code}\\b`))
    return body
  }
  return Object.assign(house, { document, operation, fits })
}

t.test('every route is described, and nothing else', async (t) => {
  const { document, base, operation } = await openDocument(t)
  t.equal(document.openapi, '3.1.0')
  const ids = Object.values(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  )
  t.equal(new Set(ids).size, ids.length, 'each has a name of its own')
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const method of Object.keys(methods)) {
      if (path === '/v1/events') continue
      const response = await fetch(base + path.replace('{id}', 'x'), { method })
      t.notMatch(await response.text(), /There is no (GET|POST)/, `${method} ${path} is served`)
    }
  }
  const { parameters } = operation('GET', '/v1/approvals/{id}')
  t.match(parameters, [
    { name: 'id', in: 'path', required: true },
    { name: 'wait', in: 'query', required: false, schema: { maximum: 60 } },
  ])
})

t.test('answers are as they are described', async (t) => {
  const { fits, open, desk, tokens, ask, clock } = await openDocument(t)
  const token = tokens.ana
  const one = await open({
    parameters: [{ type: 'text', value: null }],
    effects: [{ effect: 'ddl', reason: 'it drops', at: 3 }],
  })
  const list = '/v1/approvals'
  const id = `${list}/{id}`
  const decisions = `${id}/decisions`
  const at = (path: string, name: string) => path.replace('{id}', name)
  await fits(t, ['GET', list], 200, { token })
  await fits(t, ['GET', list, `${list}?limit=0`], 422, { token })
  await fits(t, ['GET', list], 401, { token: 'none' })
  await fits(t, ['GET', list], 403)
  await fits(t, ['GET', id, at(id, 'nothing')], 404, { token })
  const decide = ['POST', decisions, at(decisions, one.id)] as const
  await fits(t, decide, 400, { token, body: '{' })
  await fits(t, decide, 422, { token, body: { decision: 'maybe' } })
  await fits(t, decide, 412, {
    token,
    body: { decision: 'approve', statement_sha256: 'f'.repeat(64) },
  })
  await fits(t, decide, 403, { token, body: { decision: 'approve', clear: ['pii.email'] } })
  await fits(t, decide, 200, { token, body: { decision: 'approve' } })
  await fits(t, decide, 409, { token, body: { decision: 'approve' } })
  await fits(t, ['GET', id, at(id, one.id)], 200, { token })
  const two = await open({
    ...{ binding: 'two', shape: 'shape' },
    requirements: [{ rule: 'two', by: ['approvers'], count: 2 }],
  })
  const shape = { decision: 'approve', scope: 'shape', minutes: 5 }
  const grant = ['POST', decisions, at(decisions, two.id)] as const
  await fits(t, grant, 202, { token, body: shape })
  await fits(t, grant, 200, { token: tokens.bo, body: shape })
  const { grants } = (await fits(t, ['GET', '/v1/grants'], 200, { token })) as {
    grants: { id: string }[]
  }
  const revoke = '/v1/grants/{id}/revoke'
  await fits(t, ['POST', revoke, at(revoke, 'none')], 404, { token, body: {} })
  await fits(t, ['POST', revoke, at(revoke, grants[0]?.id ?? '')], 200, { token, body: {} })
  await fits(t, ['POST', revoke, at(revoke, grants[0]?.id ?? '')], 410, { token, body: {} })
  const withdraw = `${id}/withdraw`
  const three = await open({ binding: 'three', owners: ['dba'] })
  await fits(t, ['POST', withdraw, at(withdraw, three.id)], 200, { token, body: {} })
  await fits(t, ['POST', withdraw, at(withdraw, three.id)], 410, { token, body: {} })

  const actions = '/v1/actions'
  const body = { action: 'job.run', resource: 'nightly' }
  const asked = (await fits(t, ['POST', actions], 202, { body })) as { id: string }
  const poll = ['GET', `${actions}/{id}`, `${actions}/${asked.id}`] as const
  await fits(t, poll, 202)
  await desk.decide(asked.id, answerOf('ana@example.com'))
  await fits(t, poll, 200)
  await fits(t, poll, 409)
  const result = ['POST', `${actions}/{id}/result`, `${actions}/${asked.id}/result`] as const
  await fits(t, result, 200, { body: { outcome: 'failed', detail: 'no room' } })
  await fits(t, result, 409, { body: { outcome: 'failed' } })
  await fits(t, ['GET', id, at(id, asked.id)], 200, { token })
  const over = (await ask({ resource: 'over' })).body
  clock.advance(40 * 60_000)
  await fits(t, ['GET', `${actions}/{id}`, `${actions}/${over.id}`], 410)
  await fits(t, ['POST', `${actions}/{id}/withdraw`, `${actions}/none/withdraw`], 404, { body: {} })
  await fits(t, ['POST', actions], 413, { body: { ...body, context: { x: 'x'.repeat(20_000) } } })
  for (const path of ['/healthz', '/readyz', '/openapi.json']) await fits(t, ['GET', path], 200)
})
