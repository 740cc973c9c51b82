import t from 'tap'
import type { Dialect } from '../../../src/sql/mysql/dialect.ts'
import { lex } from '../../../src/sql/mysql/lexer.ts'
import { MYSQL_FLAVOURS, startMysql } from '../../support/mysql.ts'
import { runDifferential } from './differential.ts'
import { differentialCorpus, statementCorpus, WATCHED_SCHEMA } from './differential-corpus.ts'
import { judge } from './shop.ts'

/** For each server; differential-main.ts runs as many as are wanted. */
const COUNT = 600
const SEED = 20_261_122
/** ER_PARSE_ERROR, ER_EMPTY_QUERY */
const NOT_READ = new Set([1064, 1065])

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour} runs no more than what was judged`, async (t) => {
    const server = await startMysql(t, flavour, { schema: WATCHED_SCHEMA })
    if (!server) {
      t.comment(`SKIPPED: there is no ${flavour} on this machine; run scripts/get-mysql ${flavour}`)
      t.pass('skipped')
      return
    }
    const corpus = differentialCorpus()
    const report = await runDifferential({ server, corpus, seed: SEED, count: COUNT })
    t.same(report.findings, [])
    t.ok(report.passed > COUNT / 20, 'enough texts passed to mean something')
    t.ok(report.dangerous > COUNT / 50, 'enough texts did something')
    await t.test('its own error is never read as a statement that it would run', async (t) => {
      const client = await server.open('watched')
      for (const sql of ['SELECT 1 FROM', 'SELEC 1', "SELECT 'a", 'SELECT 1 /*', 'SELECT 1.e']) {
        const [result] = await client.query(sql)
        t.ok(NOT_READ.has(result?.error?.code ?? 0), sql)
      }
    })
    await t.test('what the corpus says is harmless parses on one of the servers', async (t) => {
      const client = await server.open('watched')
      for (const { sql, effects } of statementCorpus()) {
        if (effects.join() !== 'read' || /sleep/i.test(sql)) continue
        const results = await client.query(sql)
        const code = results.at(-1)?.error?.code ?? 0
        // MariaDB has no EXPLAIN ANALYZE and no TABLE, MySQL no ANALYZE SELECT.
        if (NOT_READ.has(code)) t.comment(`${server.version} doesn't read ${sql}`)
      }
      t.pass('read')
    })
    await t.test('executable comments run exactly where the lexer says so', async (t) => {
      const client = await server.open('watched')
      for (const opening of OPENINGS) {
        const sql = `SELECT 1 ${opening} + 1 */`
        const [result] = await client.query(sql)
        const ran = result?.rows[0]?.[0] === '2'
        const hidden = `SELECT 1 ${opening} INTO OUTFILE '/nowhere/x' */`
        const [verdict] = await judge(hidden, { dialect: server.dialect })
        const held = verdict?.effects.some(
          ({ effect }) => effect === 'export' || effect === 'opaque',
        )
        t.ok(held, `${hidden} is held whether or not it runs`)
        t.equal(ran, runs(sql, server.dialect), `${sql} on ${server.version}`)
      }
    })
  })
}

const OPENINGS = [
  '/*!',
  '/*!50000',
  '/*!50700',
  '/*!80000',
  '/*!99999',
  '/*!100000',
  '/*!100100',
  '/*!110900',
  '/*!999999',
  '/*M!',
  '/*M!50700',
  '/*M!100100',
  '/*M!999999',
]

/** Whether the lexer takes the text of the comment for code. */
function runs(sql: string, dialect: Dialect): boolean {
  const mode = { ansiQuotes: false, noBackslashEscapes: false }
  const { tokens } = lex(sql, { ...mode, dialect, doubtful: 'skip' })
  return tokens.some(({ kind, text }) => kind === 'op' && text === '+')
}
