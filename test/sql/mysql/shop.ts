import { createMysqlClassifier } from '../../../src/sql/mysql/classify.ts'
import type { Dialect, SessionFacts } from '../../../src/sql/mysql/dialect.ts'
import type { Classification, Classifier, SessionNames } from '../../../src/sql/statement.ts'
import { memorySchema } from './memory-schema.ts'

export const MYSQL_9: Dialect = { flavour: 'mysql', version: 90704 }
export const MARIADB_11: Dialect = { flavour: 'mariadb', version: 110806 }

const plain = (columns: string): Record<string, null> =>
  Object.fromEntries(columns.split(' ').map((name) => [name, null]))

/** The schema of fixtures/mysql/shop.sql, with its classified columns. */
export const SHOP = memorySchema({
  schema: 'shop',
  tables: {
    people: {
      columns: { ...plain('id name email ssn joined'), email: 'pii.email', ssn: 'pii.national-id' },
      types: { email: 'varchar(100)', ssn: 'varchar(20)' },
      followers: ['sales'],
    },
    shops: { columns: plain('id name email') },
    goods: { columns: plain('id name price notes') },
    sales: { columns: plain('id person good sold') },
    scratch: { columns: plain('id v n') },
    'drop table': { columns: plain('id select') },
    contacts: {
      columns: { id: null, address: 'pii.email' },
      definition: 'select `p`.`id`, `p`.`email` AS `address` from `shop`.`people` `p`',
    },
  },
  functions: { twice: 'RETURN i * 2', touch: 'BEGIN UPDATE scratch SET n = i; RETURN i; END' },
  procedures: { cheap: 'SELECT id, name FROM goods ORDER BY id' },
})

export const DEFAULT_FACTS: SessionFacts = {
  characterSet: 'utf8mb4',
  database: 'shop',
  ansiQuotes: false,
  noBackslashEscapes: false,
}

export interface SessionOptions {
  readonly dialect?: Dialect
  readonly facts?: Partial<SessionFacts>
}

/** A classifier of one session, and the names that its statements have prepared. */
export function openSession(options: SessionOptions = {}): {
  readonly classifier: Classifier
  judge(sql: string | Buffer): Promise<readonly Classification[]>
} {
  const facts = { ...DEFAULT_FACTS, ...options.facts }
  const { dialect = MARIADB_11 } = options
  const classifier = createMysqlClassifier({ catalog: SHOP, dialect }).forSession(() => facts)
  const prepared = new Map<string, Classification>()
  const names: SessionNames = { prepared: (name) => prepared.get(name), cursor: () => undefined }
  return {
    classifier,
    async judge(sql) {
      const parsed = await classifier.classify(Buffer.from(sql), names)
      if (parsed.kind === 'opaque') return [parsed.classification]
      if (parsed.kind === 'syntax-error') throw new Error(parsed.message)
      for (const { names } of parsed.statements) {
        for (const name of names) if (name.kind === 'prepare') prepared.set(name.name, name.inner)
      }
      return parsed.statements
    },
  }
}

/** Judges a text in a session of its own. */
export function judge(
  sql: string | Buffer,
  options: SessionOptions = {},
): Promise<readonly Classification[]> {
  return openSession(options).judge(sql)
}

/** What a text does, each effect once, in order. */
export function effectsOf(statements: readonly Classification[]): readonly string[] {
  return [
    ...new Set(statements.flatMap(({ effects }) => effects.map(({ effect }) => effect))),
  ].sort()
}
