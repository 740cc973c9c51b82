import { z } from 'zod'
import { ActionView } from './action-view.ts'
import { ActionBody, ResultBody } from './http-actions.ts'
import { ApprovalList, BreakGlassBody, Decision } from './http-approvals.ts'
import { AuditPage } from './http-audit.ts'
import { GrantList, GrantView } from './http-grants.ts'
import { Readiness } from './http-health.ts'
import { ApprovalView } from './request-view.ts'
import { type AnswerSpec, type Route, route, type Who } from './route.ts'

/** Of the API, not of the program: what stands under /v1 only grows. */
const API_VERSION = '1.0.0'

type Document = Readonly<Record<string, unknown>>

/** What an error says. */
const ErrorAnswer = z.looseObject({
  error: z.object({
    code: z.string().describe('Stable, for programs.'),
    message: z.string().describe('What is wrong and what to do, for people.'),
  }),
})

/** Bodies that have a name in the document; the very ones that routes read and tests compare. */
const NAMED_ANSWERS: Readonly<Record<string, z.ZodType>> = {
  Approval: ApprovalView,
  ApprovalList,
  Grant: GrantView,
  GrantList,
  Action: ActionView,
  Readiness,
  AuditPage,
  Error: ErrorAnswer,
}
const NAMED_BODIES: Readonly<Record<string, z.ZodType>> = {
  Decision,
  BreakGlass: BreakGlassBody,
  AskedAction: ActionBody,
  ActionResult: ResultBody,
}

/** Statuses that any route with a token, or with a body, may answer. */
const WITH_TOKEN = { 401: ['unauthorized'], 403: ['not_a_person', 'not_an_agent'] } as const
const WITH_BODY = { 400: ['bad_request'], 413: ['bad_request'], 415: ['bad_request'] } as const
const ANY = { 500: ['internal'], 503: ['audit_unavailable', 'gate_unavailable'] } as const

/** GET /openapi.json, for everybody: it says nothing of what is inside. */
export function openApiRoute(routes: readonly Route[]): Route {
  let document: Document | null = null
  const own = route({
    method: 'GET',
    path: '/openapi.json',
    who: 'anyone',
    summary: 'This document',
    answers: { 200: { says: 'OpenAPI 3.1', body: z.looseObject({ openapi: z.string() }) } },
    handle: () => {
      document ??= openApi([...routes, own])
      return document
    },
  })
  return own
}

/** The routes as OpenAPI 3.1 describes them. */
export function openApi(routes: readonly Route[]): Document {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const each of routes) {
    paths[each.path] = { ...paths[each.path], [each.method.toLowerCase()]: operationOf(each) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Countersign',
      version: API_VERSION,
      description: 'Requests for approval and who decides them, actions, grants and events.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      schemas: { ...named(NAMED_ANSWERS, 'output'), ...named(NAMED_BODIES, 'input') },
      securitySchemes: {
        person: bearer('A token of `countersign token add EMAIL`.'),
        agent: bearer('A token of `countersign agent token NAME`.'),
      },
    },
  }
}

function bearer(description: string): Document {
  return { type: 'http', scheme: 'bearer', description }
}

function named(schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Document {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id })
  const uri = (id: string) => `#/components/schemas/${id}`
  const { schemas: made } = z.toJSONSchema(registry, { io, uri, unrepresentable: 'any' })
  return Object.fromEntries(
    Object.entries(made).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema]),
  )
}

function operationOf(each: Route): Document {
  const { method, path, who, summary, body } = each
  return {
    operationId: operationId(method, path),
    summary,
    ...security(who),
    parameters: [
      ...parametersOf(each.params, 'path'),
      ...parametersOf(each.query, 'query'),
      ...Object.entries(each.headers ?? {}).map(([name, description]) => ({
        ...{ name, in: 'header', required: false, description, schema: { type: 'string' } },
      })),
    ],
    ...(body && {
      requestBody: { required: true, content: json(schemaOf(body, NAMED_BODIES, 'input')) },
    }),
    responses: responsesOf(each),
  }
}

/** `post /v1/approvals/{id}/decisions` -> postApprovalsIdDecisions */
function operationId(method: string, path: string): string {
  const words = path.replace('/v1', '').match(/[a-z]+/gi) ?? []
  const title = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)
  return method.toLowerCase() + words.map(title).join('')
}

function security(who: Who): Document {
  return { security: who === 'anyone' ? [] : [{ [who]: [] }] }
}

function parametersOf(shape: z.ZodType | undefined, place: 'path' | 'query'): readonly Document[] {
  if (!shape) return []
  const { properties = {}, required = [] } = z.toJSONSchema(shape, { io: 'input' })
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: place, required: place === 'path' || required.includes(name), schema },
  }))
}

function responsesOf({ who, query, body, answers, errors = {} }: Route): Document {
  const said = Object.entries(answers).map(([status, spec]) => [status, responseOf(spec)] as const)
  const codes = new Map<string, string[]>()
  const tables = [errors, who === 'anyone' ? {} : WITH_TOKEN, body ? WITH_BODY : {}, ANY]
  for (const table of tables) {
    for (const [status, more] of Object.entries(table)) {
      codes.set(status, [...(codes.get(status) ?? []), ...more])
    }
  }
  if (body || query) codes.set('422', [...(codes.get('422') ?? []), 'unprocessable'])
  const failures = [...codes].map(([status, all]) => [status, failureOf(all)] as const)
  return Object.fromEntries([...failures, ...said])
}

function responseOf({ says, body, type }: AnswerSpec): Document {
  if (body === null) {
    return {
      description: says,
      content: { [type ?? 'text/plain']: { schema: { type: 'string' } } },
    }
  }
  return { description: says, content: json(schemaOf(body, NAMED_ANSWERS, 'output')) }
}

function failureOf(codes: readonly string[]): Document {
  const description = `error.code: ${[...new Set(codes)].join(', ')}`
  return { description, content: json(schemaOf(ErrorAnswer, NAMED_ANSWERS, 'output')) }
}

function json(schema: Document): Document {
  return { 'application/json': { schema } }
}

function schemaOf(
  schema: z.ZodType,
  known: Readonly<Record<string, z.ZodType>>,
  io: 'input' | 'output',
): Document {
  const name = Object.keys(known).find((id) => known[id] === schema)
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` }
  const { $schema: _, ...inline } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return inline
}
