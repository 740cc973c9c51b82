import pg from 'pg'
import { parse } from 'yaml'
import { AGENT, startCountersign } from '../../test/support/countersign.ts'
import { startPostgres } from '../../test/support/postgres.ts'
import { BULKS, measureBulk } from './bulk.ts'
import type { Cleanup } from './cleanup.ts'
import { measureHold, STAMPS } from './hold.ts'
import { measureLatency, QUERIES, type Query } from './latency.ts'
import { startPgBouncer } from './pgbouncer.ts'
import { startRelay } from './start-relay.ts'
import type { Path, System } from './systems.ts'

/** A million rows of some 100 bytes; `email` is the classified column. */
const SCHEMA = `
CREATE TABLE ten (id int PRIMARY KEY, a int, b bigint, c text, d text, e numeric, f timestamptz,
  g boolean, h uuid, i date);
INSERT INTO ten SELECT n, n * 7, n * 1000003::bigint, 'name ' || n, repeat('x', 20), n / 7.0,
  '2026-01-01Z'::timestamptz + n * interval '1 minute', n % 2 = 0,
  md5(n::text)::uuid, '2026-01-01'::date + n FROM generate_series(1, 1000) n;
CREATE TABLE people (id int PRIMARY KEY, name text, email text, note text);
INSERT INTO people SELECT n, 'name ' || n, 'person' || n || '@example.com', repeat('n', 60)
  FROM generate_series(1, 1000000) n;
CREATE TABLE plain (id int PRIMARY KEY, name text, email text, note text);
INSERT INTO plain SELECT * FROM people;
CREATE UNLOGGED TABLE notes (id int);
VACUUM ANALYZE;
`

/** Rules as a team would have them; a copy of the plain table is the one export that may go. */
const RULES = `
- { name: hosts, when: { effect: server }, then: { deny: Ask the platform team. } }
- { name: plain-copies, when: { effect: export, tables: [public.plain] }, then: allow }
- { name: work, when: { effect: [read, write, session, transaction] }, then: allow }
`

/** PostgreSQL with every path to it. PgBouncer is left out where it isn't installed. */
export async function openPostgresSystem(cleanup: Cleanup): Promise<System<Query>> {
  const db = await startPostgres(cleanup, { settings: { max_connections: '1200' } })
  for (const statement of (SCHEMA + STAMPS).split(/;\s*\n/)) {
    if (statement.trim() !== '') await db.query(statement)
  }
  await db.query(`GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO ${db.user}`)
  const account = { host: '127.0.0.1' as const, user: db.user, password: db.password }
  const relay = await startRelay(cleanup, db.port)
  const bouncer = await startPgBouncer(cleanup, db)
  const common = {
    database: { classified: { 'public.people.email': 'pii.email' } },
    config: { rules: parse(RULES) },
  }
  const proxy = await startCountersign(cleanup, { ...common, upstream: db.url })
  const paths: Path[] = [
    { name: 'direct', ...account, port: db.port, pid: 0 },
    { name: 'relay', ...account, port: relay.port, pid: relay.pid },
  ]
  if (bouncer) paths.push({ name: 'pgbouncer', ...account, port: bouncer.port, pid: bouncer.pid })
  const login = { host: '127.0.0.1' as const, user: AGENT, password: proxy.password }
  paths.push({ name: 'countersign', ...login, port: proxy.port, pid: proxy.pid })
  const near = await startCountersign(cleanup, {
    ...common,
    upstream: `postgres://${db.user}:${db.password}@${encodeURIComponent(db.socketFolder)}:${db.port}/${db.database}`,
  })
  paths.push({
    name: 'by socket',
    ...login,
    password: near.password,
    port: near.port,
    pid: near.pid,
  })
  const versions = {
    node: process.versions.node,
    postgres: db.version,
    pgbouncer: bouncer?.version ?? 'not installed',
  }
  return {
    name: 'postgres',
    beside: 'pgbouncer',
    paths,
    versions,
    queries: QUERIES,
    bulks: BULKS,
    latency: measureLatency,
    bulk: measureBulk,
    connect: async (path) => {
      const client = new pg.Client({ ...path, database: 'shop', ssl: false })
      await client.connect()
      return () => client.end()
    },
    hold: () => measureHold(db, proxy),
  }
}
