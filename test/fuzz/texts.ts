/*
 * What the clients of the session fuzzer say. Tables tell what the rules say of a text: open_t is
 * allowed, denied_t is denied, held_t needs a signature; people_t has a classified column.
 */
export const TEXTS: readonly string[] = [
  'SELECT n FROM open_t',
  'SELECT n FROM open_t -- twice as likely',
  'INSERT INTO open_t VALUES (1)',
  'UPDATE open_t SET n = 2 WHERE n = 1',
  'SELECT secret, n FROM people_t',
  'UPDATE people_t SET n = 1 WHERE n = 2',
  'SELECT n FROM held_t',
  'DELETE FROM held_t WHERE n = 1',
  'SELECT n FROM denied_t',
  'INSERT INTO denied_t VALUES (1)',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'COPY open_t FROM STDIN',
  'COPY open_t FROM STDIN ',
  'COPY open_t TO STDOUT',
  'COPY people_t TO STDOUT',
  'PREPARE a AS SELECT n FROM open_t',
  'PREPARE a AS SELECT n FROM held_t',
  'PREPARE b AS SELECT n FROM denied_t',
  'EXECUTE a',
  'EXECUTE b',
  'DEALLOCATE a',
  'DEALLOCATE ALL',
  'DISCARD ALL',
  'DECLARE a CURSOR FOR SELECT n FROM open_t',
  'DECLARE a CURSOR FOR SELECT n FROM held_t',
  'DECLARE b CURSOR FOR SELECT n FROM denied_t',
  'DECLARE c CURSOR FOR SELECT secret, n FROM people_t',
  'FETCH a',
  'FETCH b',
  'FETCH c',
  'CLOSE a',
  'CLOSE ALL',
  'SELECT n FROM open_t; SELECT n FROM held_t',
  'BEGIN; SELECT n FROM open_t; COMMIT',
  'PREPARE c AS SELECT n FROM held_t; EXECUTE c',
  'SELEC n FROM open_t',
  '',
  ';',
  '-- nothing',
]

export const SECRET = 'SECRET'

export const OIDS = { open_t: 20_001, held_t: 20_002, denied_t: 20_003, people_t: 20_004 } as const
