import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from '../../support/project-root.ts'
import type { MutationCorpus } from './mutate-sql.ts'

export interface ExpectedStatement {
  readonly sql: string
  readonly effects: readonly string[]
  readonly output: 'clear' | 'classified'
}

export function statementCorpus(): readonly ExpectedStatement[] {
  const text = readFileSync(join(projectRoot, 'fixtures/mysql/statements.jsonl'), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ExpectedStatement)
}

export const SHOP_SQL = readFileSync(join(projectRoot, 'fixtures/mysql/shop.sql'), 'utf8')

/** The shop, and a user who may read it and do nothing else. */
export const WATCHED_SCHEMA = `${SHOP_SQL}
CREATE TABLE victim (id INT PRIMARY KEY);
CREATE USER 'watched'@'%';
GRANT SELECT, EXECUTE ON shop.* TO 'watched'@'%';`

const HARMLESS = new Set(['read', 'write', 'session', 'transaction'])

/** Statements to mutate: none that a mutation makes wait. */
export function differentialCorpus(): MutationCorpus {
  const statements = statementCorpus().filter(
    ({ sql }) => !/sleep|benchmark|wait|get_lock/i.test(sql),
  )
  const harmless = statements.filter(({ effects }) => effects.every((one) => HARMLESS.has(one)))
  return { all: statements.map(({ sql }) => sql), harmless: harmless.map(({ sql }) => sql) }
}
