import {
  closeStatement,
  each,
  execute,
  longData,
  MODERN,
  type MysqlConversation,
  PING,
  prepare,
  queries,
} from '../../transparent-mysql-conversation.ts'

const MIB = 2 ** 20
/** The longest payload of one packet. */
const FULL = 0xffffff
const select = (length: number) => {
  const frame = "SELECT length('')"
  return `SELECT length('${'x'.repeat(length - frame.length)}')`
}

const STEPS = [
  ...queries(
    `SELECT repeat('x', ${20 * MIB}), 1, NULL`,
    // A value of this length has four bytes of its own before it.
    ...[FULL - 5, FULL - 4, FULL - 3].map((length) => `SELECT repeat('r', ${length})`),
    // COM_QUERY's first byte counts.
    ...[FULL - 2, FULL - 1, FULL].map(select),
    "SELECT word, repeat('w', 20000) FROM numbers ORDER BY n",
    'SELECT 1',
  ),
  ...each(
    prepare('large', 'SELECT length(?), ?'),
    execute('large', ['v'.repeat(20 * MIB), 1]),
    longData('large', 0, Buffer.alloc(20 * MIB, 'l')),
    longData('large', 0, Buffer.alloc(5, 'l')),
    execute('large', [null, 2]),
    closeStatement('large'),
    PING,
  ),
]

const LARGEST = [
  ...queries(`SELECT 1, repeat('y', ${50 * MIB})`, select(50 * MIB)),
  ...each(prepare('large', 'SELECT ?'), execute('large', ['v'.repeat(50 * MIB)]), PING),
]

/** More than a packet holds, both ways. */
export const large: readonly MysqlConversation[] = [
  { name: 'large messages', steps: STEPS },
  { name: 'large messages without EOF', flags: MODERN, steps: STEPS.slice(0, 4) },
  { name: '50 MiB', steps: LARGEST },
]
