import { serialize } from 'pg-protocol'
import { type Conversation, extended, queries, send, until } from '../transparent-conversation.ts'

const MIB = 1024 * 1024
const many = (count: number, column: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => column(n)).join(', ')

/** Values of 50 MiB both ways, and rows as wide as they may be. */
export const large: readonly Conversation[] = [
  {
    name: '50 MiB from the server',
    steps: [
      ...queries(`SELECT repeat('0123456789abcdef', ${(50 * MIB) / 16}) AS text`),
      extended(`SELECT decode(repeat('0f', ${50 * MIB}), 'hex') AS bytes`, { binary: true }),
    ],
  },
  {
    name: '50 MiB to the server',
    steps: [
      extended('SELECT length($1::text), md5($1)', { values: ['p'.repeat(50 * MIB)] }),
      extended('SELECT length($1::bytea), md5($1)', { values: [Buffer.alloc(50 * MIB, 7)] }),
      ...queries(`SELECT length('${'q'.repeat(5 * MIB)}')`),
      until(send(serialize.query('COPY notes FROM STDIN')), 'G'),
      send(serialize.copyData(Buffer.from(`1\t${'c'.repeat(50 * MIB)}\n`)), serialize.copyDone()),
      ...queries('SELECT id, length(note) FROM notes', 'TRUNCATE notes'),
    ],
  },
  {
    name: 'many rows and columns',
    steps: [
      ...queries(
        `SELECT ${many(1600, (n) => `${n} AS c${n}`)}`,
        `SELECT ${many(1665, (n) => `${n}`)}`,
        `SELECT ${many(10_000, (n) => `${n}`)}`,
        `CREATE TEMP TABLE wide (${many(1601, (n) => `c${n} integer`)})`,
        'SELECT n, n * 2, md5(n::text) FROM generate_series(1, 20000) n',
        'COPY (SELECT n, md5(n::text) FROM generate_series(1, 20000) n) TO STDOUT',
      ),
      extended('SELECT n, md5(n::text) FROM generate_series(1, 20000) n', { binary: true }),
    ],
  },
]
