import pg from 'pg'
import type { Countersign } from '../../test/support/countersign.ts'
import type { TestPostgres } from '../../test/support/postgres.ts'

const HOLDS = 30

/**
 * From the moment in which a person's click leaves the browser to the moment in which the held
 * statement runs in the database, by the database's own clock; both ends are on this machine.
 * Milliseconds: median and slowest of 30.
 */
export async function measureHold(
  db: TestPostgres,
  proxy: Countersign,
): Promise<{ readonly p50: number; readonly worst: number }> {
  const client = new pg.Client({ connectionString: proxy.url })
  await client.connect()
  const times: number[] = []
  try {
    for (let index = 0; index < HOLDS; index++) {
      // COMMENT is DDL, so it waits; the trigger notes when it has run.
      const sql = `COMMENT ON TABLE stamps IS '${index}'`
      const pending = proxy.pending((request) => request.statement === sql)
      const answer = client.query(sql)
      const { id } = await pending
      // The database's clock has microseconds, and Date.now() none.
      const clicked = performance.timeOrigin + performance.now()
      await proxy.approve(id)
      await answer
      const { rows } = await db.query('SELECT max(extract(epoch FROM at)) * 1000 AS at FROM stamps')
      times.push(Number(rows[0].at) - clicked)
    }
  } finally {
    await client.end()
  }
  times.sort((a, b) => a - b)
  return { p50: times[HOLDS / 2] ?? 0, worst: times.at(-1) ?? 0 }
}

/** Writes down, to the microsecond, when a command begins that changes the schema. */
export const STAMPS = `
CREATE TABLE stamps (at timestamptz);
GRANT ALL ON stamps TO app;
ALTER TABLE stamps OWNER TO app;
CREATE FUNCTION stamp() RETURNS event_trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO stamps VALUES (clock_timestamp()); END';
CREATE EVENT TRIGGER stamping ON ddl_command_start WHEN TAG IN ('COMMENT') EXECUTE FUNCTION stamp();
`
