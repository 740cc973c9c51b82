import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import t, { type Test } from 'tap'
import { type CopyMasker, copyMasker } from '../../src/mask/copy.ts'
import { type CopyOptions, copyOptions } from '../../src/mask/copy-options.ts'
import { maskerFor } from '../../src/mask/masker-for.ts'
import type { Masker } from '../../src/mask/plan.ts'
import { shapeOf } from '../../src/mask/types.ts'
import { startPostgres } from '../support/postgres.ts'
import { catalogOf, keys } from './fixtures.ts'

const SECRETS = ['it\'s "quoted", with\ttab\nand line\\feed', '\\N', '', '\\.', 'é東,;|', null]
const VARIANTS: [sql: string, options: Partial<CopyOptions>][] = [
  ['', {}],
  [`(FORMAT text, DELIMITER '|', NULL 'none')`, { delimiter: '|', null: 'none' }],
  [`(FORMAT text, DELIMITER ',', NULL '~', HEADER)`, { delimiter: ',', null: '~', header: true }],
  ['(FORMAT csv)', { format: 'csv' }],
  ['(FORMAT csv, HEADER, FORCE_QUOTE *)', { format: 'csv', header: true }],
  [
    `(FORMAT csv, DELIMITER ';', NULL '-', QUOTE '''', ESCAPE '\\')`,
    { format: 'csv', delimiter: ';', null: '-', quote: "'", escape: '\\' },
  ],
  ['(FORMAT binary)', { format: 'binary' }],
]

function maskersOf(t: Test, format: string, mask: 'redact' | 'partial' | 'null') {
  const shape = shapeOf(
    { typeOid: 25, typeModifier: -1, format: format === 'binary' ? 1 : 0 },
    catalogOf(),
  )
  t.ok(shape)
  return [null, maskerFor({ mask, keepLast: null }, shape, keys), null] as const
}

function run(masker: CopyMasker, chunks: readonly Buffer[]): Buffer {
  const out = chunks.map((chunk) => masker.push(chunk))
  masker.end()
  return Buffer.concat(out)
}

t.test('masks what a server copies out, so that a server can copy it in', async (t) => {
  const server = await startPostgres(t, {
    schema: `CREATE TABLE c (id int, secret text, open text); CREATE TABLE back (LIKE c)`,
  })
  const client = new pg.Client({ connectionString: server.superuserUrl })
  await client.connect()
  t.teardown(() => client.end())
  for (const [i, secret] of SECRETS.entries()) {
    await client.query('INSERT INTO c VALUES ($1, $2, $2)', [i, secret])
  }
  for (const [sql, given] of VARIANTS) {
    const options = copyOptions(given)
    const sent: Buffer[] = []
    for await (const chunk of client.query(copyTo(`COPY c TO STDOUT ${sql}`))) sent.push(chunk)
    const all = Buffer.concat(sent)
    const through = (maskers: readonly (Masker | null)[], chunks: Buffer[]) =>
      run(copyMasker(maskers, options), chunks)

    t.ok(through([null, null, null], [all]).equals(all), `${sql}: unmasked, the bytes are the same`)
    for (const mask of ['redact', 'partial', 'null'] as const) {
      const maskers = maskersOf(t, options.format, mask)
      const masked = through(maskers, [all])
      for (let at = 0; at <= all.length; at++) {
        const split = through(maskers, [all.subarray(0, at), all.subarray(at)])
        if (!split.equals(masked)) t.fail(`${sql}: split at ${at}`)
      }
      const single = through(
        maskers,
        [...all].map((byte) => Buffer.of(byte)),
      )
      t.ok(single.equals(masked), `${sql}: byte by byte`)

      await client.query('TRUNCATE back')
      const into = client.query(
        copyFrom(`COPY back FROM STDIN ${sql.replace(/, FORCE_QUOTE \*/, '')}`),
      )
      await pipeline(Readable.from([masked]), into)
      const { rows } = await client.query('SELECT * FROM back ORDER BY id')
      t.same(
        rows.map((row) => row.open),
        SECRETS,
        `${sql} ${mask}: what is open stays`,
      )
      const expected = SECRETS.map((secret) => {
        if (secret === null || mask === 'null') return null
        if (mask === 'redact') return '[redacted]'
        return maskersOf(t, 'text', mask)[1](Buffer.from(secret))?.toString()
      })
      t.same(
        rows.map((row) => row.secret),
        expected,
        `${sql} ${mask}: what is secret is masked`,
      )
    }
  }
})

t.test('writes a masked value so that it can not be read as anything else', async (t) => {
  const nasty = Buffer.from('a\tb\nc\\.\\N",\'\r')
  const masker: Masker = () => nasty
  for (const options of [{}, { format: 'csv' }, { format: 'csv', escape: '\\' }] as const) {
    const filled = copyOptions(options)
    const separator = filled.format === 'csv' ? ',' : '\t'
    const once = run(copyMasker([masker, null], filled), [Buffer.from(`x${separator}y\n`)])
    const seen: Buffer[] = []
    const look: Masker = (cell) => {
      seen.push(Buffer.from(cell))
      return cell
    }
    const twice = run(copyMasker([look, null], filled), [once])
    t.ok(seen[0]?.equals(nasty), `${filled.format} ${filled.escape}`)
    t.ok(twice.equals(once))
  }
})

t.test('ends rather than guess', async (t) => {
  const pass: Masker = () => Buffer.from('m')
  const refused = (
    options: Partial<CopyOptions>,
    data: Buffer | string,
    columns = 2,
    cap?: number,
  ) =>
    t.throws(
      () => {
        const maskers = Array.from({ length: columns }, () => pass)
        run(copyMasker(maskers, copyOptions(options), cap), [Buffer.from(data)])
      },
      `${JSON.stringify(options)} ${JSON.stringify(String(data))}`,
    )
  refused({}, 'one\n')
  refused({}, 'a\tb\tc\n')
  refused({}, 'a\tunfinished')
  refused({}, `a\tb\\\n`)
  refused({}, 'x'.repeat(100), 2, 50)
  refused({ format: 'csv' }, 'a,"b"c\n')
  refused({ format: 'csv' }, 'a,b"c\n')
  refused({ format: 'csv' }, 'a,"b\n')
  refused({ format: 'csv' }, 'a;b\n')
  refused({ delimiter: '::' }, 'a::b\n')
  refused({ delimiter: '\n' }, 'a\nb\n')
  refused({ delimiter: '\\' }, 'a\\b\n')
  refused({ format: 'csv', quote: '' }, 'a,b\n')
  refused({ format: 'csv', quote: ',' }, 'a,b\n')

  const header = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
  const binary = (...bytes: number[]) => Buffer.concat([header, Buffer.from(bytes)])
  const format = { format: 'binary' } as const
  const end = [0xff, 0xff]
  refused(format, 'PGCOPY, or nearly so, but not quite')
  refused(format, header)
  refused(format, binary(0, 3, ...end))
  refused(format, binary(0, 1, 0xff, 0xff, 0xff, 0xfe, ...end), 1)
  refused(format, binary(0, 1, 0x7f, 0xff, 0xff, 0xff), 1, 1000)
  refused(format, binary(0, 1, 0, 0, 0, 9, 1), 1)
  refused(format, binary(...end, 0))
  const withOids = Buffer.from(header)
  withOids[12] = 1
  refused(format, Buffer.concat([withOids, Buffer.from(end)]), 0)
})
