import { parse } from 'yaml'
import { AGENT, type Countersign, startCountersign } from '../../test/support/countersign.ts'
import { startMysql, type TestMysql } from '../../test/support/mysql.ts'
import type { Cleanup } from './cleanup.ts'
import { startHaproxy } from './haproxy.ts'
import { MILLION_ROWS } from './latency.ts'
import { BenchClient } from './mysql-client.ts'
import { MYSQL_QUERIES, type MysqlQuery, measureMysqlLatency } from './mysql-latency.ts'
import { startRelay } from './start-relay.ts'
import type { Path, System } from './systems.ts'

const HOLDS = 30
const PASSWORD = 'app-password'

/** A million rows of some 100 bytes; `email` is the classified column. The sequence is MariaDB's. */
const SCHEMA = `
CREATE USER app IDENTIFIED BY '${PASSWORD}';
GRANT SELECT, INSERT, UPDATE ON shop.* TO app;
CREATE USER bench;
GRANT SELECT, INSERT ON shop.* TO bench;
CREATE TABLE ten (id int PRIMARY KEY, a int, b bigint, c varchar(20), d varchar(20),
  e decimal(12,4), f datetime, g bool, h char(36), i date);
INSERT INTO ten SELECT seq, seq * 7, seq * 1000003, concat('name ', seq), repeat('x', 20), seq / 7.0,
  '2026-01-01' + interval seq minute, seq % 2 = 0, md5(seq), '2026-01-01' + interval seq day
  FROM seq_1_to_1000;
CREATE TABLE people (id int PRIMARY KEY, name varchar(40), email varchar(60), note varchar(80));
INSERT INTO people SELECT seq, concat('name ', seq), concat('person', seq, '@example.com'),
  repeat('n', 60) FROM seq_1_to_1000000;
CREATE TABLE plain LIKE people;
INSERT INTO plain SELECT * FROM people;
CREATE TABLE notes (id int) ENGINE = MEMORY;
CREATE TABLE stamps (at datetime(6), n int);
INSERT INTO stamps VALUES (NULL, 0);
`

const RULES = `
- { name: hosts, when: { effect: server }, then: { deny: Ask the platform team. } }
- { name: work, when: { effect: [read, write, session, transaction] }, then: allow }
`

/** MariaDB with every path to it. HAProxy is left out where it isn't installed. */
export async function openMysqlSystem(cleanup: Cleanup): Promise<System<MysqlQuery>> {
  const db = await startMysql(cleanup, 'mariadb', {
    schema: SCHEMA,
    settings: { 'max-connections': '1200', 'max-heap-table-size': '1G' },
  })
  if (!db) throw new Error('there is no MariaDB')
  const relay = await startRelay(cleanup, db.port)
  const haproxy = await startHaproxy(cleanup, db.port)
  if (!haproxy) console.error('HAProxy is not installed: its column is left out')
  const proxy = await startCountersign(cleanup, {
    upstream: `mysql://app:${PASSWORD}@127.0.0.1:${db.port}/shop?sslmode=disable`,
    database: { classified: { 'shop.people.email': 'pii.email' } },
    config: { rules: parse(RULES) },
  })
  const account = { host: '127.0.0.1' as const, user: 'bench', password: '' }
  const paths: Path[] = [
    { name: 'direct', ...account, port: db.port, pid: 0 },
    { name: 'relay', ...account, ...relay },
  ]
  if (haproxy) paths.push({ name: 'haproxy', ...account, port: haproxy.port, pid: haproxy.pid })
  const { port, pid, password } = proxy
  paths.push({ name: 'countersign', host: '127.0.0.1', user: AGENT, password, port, pid })
  return {
    name: 'mysql',
    beside: 'haproxy',
    paths,
    versions: {
      node: process.versions.node,
      mysql: db.version,
      haproxy: haproxy?.version ?? 'not installed',
    },
    queries: MYSQL_QUERIES,
    bulks: [
      { name: `SELECT of ${MILLION_ROWS}`, sql: 'SELECT * FROM plain' },
      { name: 'the same, one column masked by countersign', sql: 'SELECT * FROM people' },
    ],
    latency: measureMysqlLatency,
    bulk: measureMysqlBulk,
    connect: async (path) => {
      const client = await BenchClient.connect(path)
      return () => client.end()
    },
    hold: () => measureMysqlHold(db, proxy, paths.at(-1) as Path),
  }
}

async function measureMysqlBulk(path: Path, sql: string): Promise<{ readonly speed: number }> {
  const client = await BenchClient.connect(path)
  const start = performance.now()
  const bytes = await client.query(sql)
  const speed = bytes / 1000 / (performance.now() - start)
  client.end()
  return { speed }
}

/** The held statement itself writes down when it runs, by the database's clock. */
async function measureMysqlHold(db: TestMysql, proxy: Countersign, path: Path) {
  const client = await BenchClient.connect(path)
  const admin = await db.open()
  const times: number[] = []
  for (let index = 0; index < HOLDS; index++) {
    const sql = `UPDATE stamps SET at = sysdate(6), n = ${index}`
    const pending = proxy.pending((request) => request.statement === sql)
    const answer = client.query(sql)
    const { id } = await pending
    // The database's clock has microseconds, and Date.now() none.
    const clicked = performance.timeOrigin + performance.now()
    await proxy.approve(id)
    await answer
    const [{ rows } = { rows: [] }] = await admin.query(
      'SELECT unix_timestamp(at) * 1000 FROM stamps',
    )
    times.push(Number(rows[0]?.[0]) - clicked)
  }
  client.end()
  times.sort((a, b) => a - b)
  return { p50: times[HOLDS / 2] ?? 0, worst: times.at(-1) ?? 0 }
}
