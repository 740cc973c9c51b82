import {
  closeStatement,
  cutUp,
  execute,
  initDb,
  longData,
  MODERN,
  type MysqlConversation,
  PING,
  prepare,
  queries,
  RESET_CONNECTION,
  resetStatement,
  STATISTICS,
  send,
  text,
} from '../../transparent-mysql-conversation.ts'

const PIPELINED = [
  send(text('SELECT 1'), text('SELECT 2'), text('SELECT 3')),
  send(PING, PING, STATISTICS, PING),
  send(text('SELEC 1'), text('SELECT 2')),
  send(text('BEGIN'), text('SELECT count(*) FROM people'), text('COMMIT')),
  send(text('SELECT n FROM numbers'), text('SELECT 1; SELECT 2'), PING),
  send(initDb('shop'), text('SELECT DATABASE()')),
  send(prepare('a', 'SELECT ?'), prepare('b', 'SELECT 2')),
  send(execute('a', [1]), execute('b'), execute('a', ['x'])),
  send(longData('a', 0, Buffer.from('ahead')), execute('a', [null]), resetStatement('a')),
  send(closeStatement('a'), execute('b'), closeStatement('b'), PING),
  send(text('SET @a = 1'), text('SELECT @a'), RESET_CONNECTION, text('SELECT @a')),
  send(...Array.from({ length: 100 }, (_, index) => text(`SELECT ${index}`))),
  send(text('CALL two_results()'), text('CALL fails_late()'), text('SELECT 1')),
]

const CUT = [
  ...queries('SELECT 1', 'SELECT * FROM people', 'SELEC 1'),
  send(prepare('c', 'SELECT ?, ?')),
  send(execute('c', [1, 'two'])),
  send(longData('c', 0, Buffer.from('ahead')), execute('c', [null, 'x']), PING),
  send(closeStatement('c'), text('SELECT 1; SELECT 2')),
]

/** Commands that don't wait for the answers before them, and bytes that come as they please. */
export const pipelines: readonly MysqlConversation[] = [
  { name: 'pipelines', steps: PIPELINED },
  { name: 'pipelines without EOF', flags: MODERN, steps: PIPELINED },
  { name: 'a byte at a time', steps: cutUp('a byte at a time', ...CUT) },
  { name: 'cut inside each header', steps: cutUp('inside each header', ...CUT, ...PIPELINED) },
]
