import t from 'tap'
import { statementCorpus } from './differential-corpus.ts'
import { judge, openSession, type SessionOptions } from './shop.ts'

/** effect -> what of the statement's own text begins where the effect is said to be. */
async function places(sql: string, options: SessionOptions = {}) {
  const statements = await judge(sql, options)
  return statements.flatMap((statement) =>
    statement.effects.map(({ effect, at }) => {
      if (at === undefined) return `${effect} nowhere`
      const text = statement.sql.slice(at)
      return `${effect} ${/^[\p{L}\w]+|^[@'"]?\w+|^./u.exec(text)?.[0]}`
    }),
  )
}

t.test('says at which place of a text an effect stands', async (t) => {
  for (const [sql, ...expected] of [
    ['SELECT id FROM people WHERE email > 5', 'read SELECT', 'probe email'],
    ['  /* x */ SELECT load_file(1)', 'read SELECT', 'server load_file'],
    ["SELECT 'ö€𝄞', load_file(1) -- €", 'read SELECT', 'server load_file'],
    ['SELECT 1; DELETE FROM scratch', 'read SELECT', 'write scratch', 'unbounded-write DELETE'],
    ['DELETE FROM scratch WHERE 1', 'write scratch', 'unbounded-write WHERE'],
    ['SELECT id FROM goods INTO OUTFILE "x"', 'read SELECT', 'export INTO'],
    ['SELECT u.Password FROM mysql.user u', 'read SELECT', 'export user'],
    ['SET @a = 1, GLOBAL read_only = 1', 'session SET', 'session @a', 'server GLOBAL'],
    ['SELECT /*!50000 load_file(1) */', 'read SELECT', 'server load_file'],
    ['GRANT ALL ON *.* TO x', 'privilege GRANT'],
    ['SELECT 1 WHERE touch(2)', 'read SELECT', 'write touch', 'unbounded-write touch'],
    ['CALL nobody(1)', 'read CALL', 'opaque nobody'],
    ["PREPARE p FROM 'DROP TABLE goods'", 'session PREPARE', "ddl 'DROP", "ddl 'DROP"],
    ['EXPLAIN SELECT email FROM people', 'read EXPLAIN', 'read SELECT', 'export SELECT'],
    ['CREATE DEFINER = x PROCEDURE q() SELECT 1', 'ddl CREATE', 'privilege DEFINER'],
  ]) {
    t.same(await places(sql as string), expected, sql as string)
  }
})

t.test('counts characters of the text as a person sees it', async (t) => {
  const bytes = Buffer.from("SELECT 'caf\u00e9', load_file(1)", 'latin1')
  const session = openSession({ facts: { characterSet: 'latin1' } })
  const [only] = await session.judge(bytes)
  const server = only?.effects.find(({ effect }) => effect === 'server')
  t.equal(only?.sql.slice(server?.at), 'load_file(1)')
  const [binary] = await judge(Buffer.from("SELECT _binary'\u00ff\u00fe', load_file(1)", 'latin1'))
  const there = binary?.effects.find(({ effect }) => effect === 'server')
  t.equal(binary?.sql.slice(there?.at), 'load_file(1)')
})

t.test(
  'a place is within the text, and at the beginning of a word, wherever it is said',
  async (t) => {
    for (const { sql } of statementCorpus()) {
      for (const { sql: own, effects } of await judge(sql)) {
        const wrong = effects.filter(
          ({ at }) =>
            at !== undefined &&
            (at < 0 || at >= own.length || /\w\w/.test(own.slice(at - 1, at + 1))),
        )
        t.same(at0(wrong), [], own)
      }
    }
  },
)

function at0(effects: readonly { readonly at?: number }[]) {
  return effects.map(({ at }) => at).filter((at) => at !== 0)
}

t.test('code that lies elsewhere has no place of its own', async (t) => {
  t.same(await places('SELECT name FROM goods WHERE id = touch(id)'), [
    'read SELECT',
    'write touch',
    'unbounded-write touch',
  ])
  const [execute] = (await judge("PREPARE p FROM 'SELECT load_file(1)'; EXECUTE p")).slice(1)
  t.same(
    execute?.effects.map(({ at }) => at),
    [8, 8, 8],
    'what is executed stands behind its name',
  )
})
