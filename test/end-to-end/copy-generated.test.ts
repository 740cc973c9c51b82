import t from 'tap'
import { canaryIn, canaryOf } from '../canaries/canary.ts'
import { startCountersign } from '../support/countersign.ts'
import { loginOf } from '../support/e2e-client.ts'
import { rule } from '../support/e2e-config.ts'
import { letters, RawClient } from '../support/e2e-raw.ts'
import { startPostgres } from '../support/postgres.ts'

const CANARY = canaryOf('varchar', 5)
const SCHEMA = `
  CREATE TABLE notes (id integer PRIMARY KEY, loud text GENERATED ALWAYS AS (upper(secret)) STORED,
    secret text, shown text, twice integer GENERATED ALWAYS AS (id * 2) STORED);
  INSERT INTO notes (id, secret, shown) VALUES (1, '${CANARY}', 'for all'), (2, NULL, 'for all')`

t.test(
  'COPY leaves generated columns out, wherever they stand, and masks the others',
  async (t) => {
    const db = await startPostgres(t, { schema: SCHEMA })
    const proxy = await startCountersign(t, {
      upstream: db.url,
      database: { classified: { 'public.notes.secret': 'pii.note' } },
      config: { rules: [rule('all', {}, 'allow')] },
    })
    const { client } = await RawClient.login(proxy.port, loginOf(proxy))
    t.teardown(() => client.destroy())
    for (const options of ['', ' (FORMAT csv, HEADER)', ' (FORMAT binary)']) {
      for (const table of ['notes', 'notes (shown, secret)', '(SELECT * FROM notes)']) {
        const got = await client.query(`COPY ${table} TO STDOUT${options}`)
        const text = got.map(({ frame }) => frame.toString('latin1')).join('')
        t.match(letters(got), /^Hd+cCZ$/, `${table}${options} is copied`)
        t.equal(canaryIn(text), null, 'without the classified value, plain or computed')
        t.equal(text.split('for all').length, 3, 'and with what is not classified')
        t.match(text, 'redacted')
      }
    }
  },
)
