import * as capability from '../../../../src/wire/mysql/capabilities.ts'
import {
  MODERN,
  type MysqlConversation,
  PLAIN,
  prepared,
  queries,
  SPARE,
} from '../../transparent-mysql-conversation.ts'

const CALLS = [
  ...queries(
    'CALL two_results()',
    'CALL no_result(3)',
    'SELECT * FROM notes',
    "SET @c = 'x'",
    'CALL gives_back(4, @b, @c)',
    'SELECT @b, @c',
    'CALL walks()',
    'CALL fails_late()',
    'CALL signals(1)',
    'SHOW WARNINGS',
    'CALL two_results(); CALL no_result(4)',
    'SELECT shout("x")',
    'DO shout("x")',
  ),
  ...prepared('CALL two_results()'),
  ...prepared('CALL no_result(?)', 5),
  ...prepared('CALL gives_back(?, ?, ?)', 6, null, 'y'),
  ...prepared('CALL gives_back(?, @b, @c)', 6),
  ...prepared('CALL walks()'),
  ...prepared('CALL fails_late()'),
  ...prepared('CALL signals(?)', 2),
  ...prepared('CALL signals(?)', 1),
  ...queries(
    'CREATE PROCEDURE made() BEGIN SELECT 1; END',
    'CALL made()',
    'DROP PROCEDURE made',
    'CALL made()',
    'BEGIN NOT ATOMIC SELECT 1; SELECT 2; END',
  ),
]

/** Procedures: several results, OUT parameters, errors behind results. */
export const calls: readonly MysqlConversation[] = [
  { name: 'calls', steps: CALLS },
  { name: 'calls without EOF', flags: MODERN, steps: CALLS },
  { name: 'calls of a client that takes one result', flags: SPARE, steps: CALLS },
  {
    name: 'calls of a client that takes no OUT parameters',
    flags: PLAIN & ~capability.CLIENT_PS_MULTI_RESULTS,
    steps: CALLS,
  },
]
