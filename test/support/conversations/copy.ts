import { serialize } from 'pg-protocol'
import {
  bind,
  type Conversation,
  execute,
  parse,
  queries,
  SYNC,
  send,
  tell,
  until,
} from '../transparent-conversation.ts'

const data = (text: string | Buffer) => serialize.copyData(Buffer.from(text))
const DONE = serialize.copyDone()
const query = (text: string) => serialize.query(text)
const BINARY = Buffer.concat([
  Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
  Buffer.alloc(8),
  Buffer.from([0, 2, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 1, 0x78]),
  Buffer.from([0xff, 0xff]),
])
const run = (text: string) => [parse(text), bind(), execute()]

/** COPY both ways, in every format, by both protocols, and broken off by either end. */
export const copy: readonly Conversation[] = [
  {
    name: 'COPY to the client',
    steps: [
      ...queries(
        'COPY people TO STDOUT',
        'COPY people TO STDOUT (FORMAT csv, HEADER, NULL $$-$$)',
        'COPY people (id, name) TO STDOUT (FORMAT binary)',
        'COPY (SELECT n, word FROM numbers ORDER BY n) TO STDOUT',
        'COPY (SELECT 1 WHERE false) TO STDOUT',
        'COPY (SELECT n / (n - 3) FROM numbers ORDER BY n) TO STDOUT',
        'COPY nowhere TO STDOUT',
        'COPY people TO STDOUT (FORMAT nothing)',
        'SELECT 1; COPY people TO STDOUT; SELECT 2',
        'COPY (SELECT $$a\tb\\n$$, NULL, $$\\.$$) TO STDOUT',
        "COPY people TO '/nowhere/at/all'",
        'COPY (INSERT INTO notes VALUES (1, $$a$$) RETURNING *) TO STDOUT',
        "COPY (SELECT repeat('x', 100000) FROM generate_series(1, 20)) TO STDOUT",
      ),
      send(...run('COPY people TO STDOUT'), SYNC),
      send(...run('COPY (SELECT 1/0) TO STDOUT'), SYNC),
      send(...run('COPY people (id) TO STDOUT'), ...run('SELECT 1'), SYNC),
    ],
  },
  {
    name: 'COPY from the client',
    steps: [
      until(send(query('COPY notes FROM STDIN')), 'G'),
      send(data('1\tone\n2\ttw'), data('o\n'), data('3\t\\N\n'), DONE),
      until(send(query('COPY notes FROM STDIN (FORMAT csv, HEADER)')), 'G'),
      send(data('id,note\n4,"a, b"\n5,"c\nd"\n'), DONE),
      until(send(query('COPY notes FROM STDIN (FORMAT binary)')), 'G'),
      send(data(BINARY), DONE),
      until(send(query('COPY notes FROM STDIN')), 'G'),
      send(DONE),
      ...queries('SELECT * FROM notes ORDER BY id', 'TRUNCATE notes'),
      until(
        send(query('COPY notes FROM STDIN; SELECT count(*) FROM notes; COPY notes FROM STDIN')),
        'G',
      ),
      until(send(data('1\ta\n'), DONE), 'G'),
      send(data('2\tb\n'), DONE),
      ...queries('BEGIN'),
      until(send(query('COPY notes FROM STDIN')), 'G'),
      send(data('3\tc\n'), DONE),
      ...queries('ROLLBACK', 'TABLE notes'),
    ],
  },
  {
    name: 'COPY data that cannot wait for its answer',
    steps: [
      send(query('COPY notes FROM STDIN'), data('1\tearly\n'), DONE),
      until(
        send(query('COPY notes FROM STDIN'), data('2\tearly\n'), DONE, query('SELECT 1')),
        'Z',
        2,
      ),
      send(...run('COPY notes FROM STDIN'), data('3\textended\n'), DONE, SYNC),
      until(
        send(...run('COPY notes FROM STDIN'), SYNC, data('4\tand a Sync before it\n'), DONE, SYNC),
        'Z',
        1,
      ),
      ...queries('SELECT count(*) FROM notes'),
      until(
        send(
          query('COPY notes FROM STDIN'),
          ...Array.from({ length: 500 }, (_, n) => data(`${n}\trow\n`)),
          DONE,
        ),
        'Z',
      ),
      send(...run('COPY nowhere FROM STDIN'), data('1\n'), DONE, SYNC),
      send(query('COPY nowhere FROM STDIN'), data('1\n'), DONE),
      ...queries('SELECT count(*) FROM notes'),
    ],
  },
  {
    name: 'COPY that fails',
    steps: [
      until(send(query('COPY notes FROM STDIN')), 'G'),
      send(data('1\tone\n'), serialize.copyFail('the client gave up')),
      until(send(query('COPY notes FROM STDIN')), 'G'),
      send(data('1\tone\nx\ttwo\n'), data('3\tthree\n'), DONE),
      until(send(query('COPY notes FROM STDIN')), 'G'),
      send(data('1\n'), DONE),
      until(send(query('COPY people (id, name, age) FROM STDIN')), 'G'),
      send(data('3\tCy\t3\n'), DONE),
      until(send(query('COPY notes FROM STDIN (FORMAT binary)')), 'G'),
      send(data('no binary file at all'), DONE),
      until(send(query('COPY notes FROM STDIN (FORMAT csv)')), 'G'),
      send(data('1,"never closed'), DONE),
      until(send(...run('COPY notes FROM STDIN'), SYNC), 'G'),
      send(data('1\tone\n'), serialize.copyFail('again'), SYNC),
      until(send(...run('COPY notes FROM STDIN'), SYNC), 'G'),
      send(data('x\tone\n'), data('y\n'), DONE, SYNC),
      until(send(query('COPY notes FROM STDIN')), 'G'),
      until(send(query('SELECT 1')), 'Z', 1),
      ...queries('SELECT 1', 'SELECT count(*) FROM notes'),
    ],
  },
  {
    name: 'COPY messages outside COPY',
    steps: [
      tell(data('1\tnobody asked\n'), DONE),
      ...queries('SELECT 1'),
      send(data('x'), ...run('SELECT 1'), data('y'), DONE, SYNC),
      tell(serialize.copyFail('nothing to fail')),
      ...queries('SELECT 2'),
    ],
  },
]
