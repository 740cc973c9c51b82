import {
  closeStatement,
  each,
  execute,
  fetchRows,
  MODERN,
  type MysqlConversation,
  PING,
  prepare,
  resetStatement,
  text,
} from '../../transparent-mysql-conversation.ts'

const OPEN = { cursor: true } as const
const ROWS = 'SELECT n, word, NULL FROM numbers WHERE n <= ? ORDER BY n'

const STEPS = each(
  prepare('c', ROWS),
  execute('c', [10], OPEN),
  fetchRows('c', 1),
  fetchRows('c', 3),
  fetchRows('c', 0),
  fetchRows('c', 100),
  fetchRows('c', 1),
  execute('c', [500], OPEN),
  fetchRows('c', 200),
  text('SELECT 1'),
  fetchRows('c', 200),
  fetchRows('c', 200),
  execute('c', [0], OPEN),
  fetchRows('c', 1),
  fetchRows('c', 9),
  execute('c', [5], OPEN),
  resetStatement('c'),
  fetchRows('c', 1),
  execute('c', [5], OPEN),
  prepare('d', 'SELECT id, name FROM people ORDER BY id'),
  execute('d', [], OPEN),
  fetchRows('c', 2),
  fetchRows('d', 2),
  fetchRows('c', 2),
  fetchRows('d', 2),
  closeStatement('c'),
  fetchRows('d', 2),
  closeStatement('d'),
  PING,
)

const WITHOUT_ROWS = each(
  prepare('i', "INSERT INTO notes VALUES (1, 'x')"),
  execute('i', [], OPEN),
  fetchRows('i', 1),
  prepare('k', 'CALL two_results()'),
  execute('k', [], OPEN),
  prepare('s', 'SHOW TABLES'),
  execute('s', [], OPEN),
  fetchRows('s', 100),
  prepare('e', 'SELECT (SELECT id FROM people)'),
  execute('e', [], OPEN),
  fetchRows('e', 1),
  fetchRows(4_000_000, 1),
  fetchRows('s', 1),
  text('BEGIN'),
  prepare('t', 'SELECT * FROM people FOR UPDATE'),
  execute('t', [], OPEN),
  fetchRows('t', 1),
  text('ROLLBACK'),
  fetchRows('t', 1),
)

/** Cursors of the binary protocol: rows come when they are asked for. */
export const cursors: readonly MysqlConversation[] = [
  { name: 'cursors', steps: STEPS },
  { name: 'cursors without EOF', flags: MODERN, steps: STEPS },
  { name: 'cursors on what has no rows', steps: WITHOUT_ROWS },
  { name: 'cursors on what has no rows, without EOF', flags: MODERN, steps: WITHOUT_ROWS },
]
