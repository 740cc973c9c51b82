import { memorySchema } from './memory-schema.ts'

/** Data classes of the tables of lineage-differential.ts; a table of the same columns is on the server. */
export const WORLD = memorySchema({
  schema: 'one',
  tables: {
    people: {
      columns: {
        id: null,
        name: null,
        email: 'pii.email',
        ssn: 'pii.national-id',
        city: null,
        salary: 'finance.salary',
      },
    },
    shops: { columns: { id: null, name: null, email: null, person: null } },
    notes: { columns: { id: null, person: null, body: 'pii.free-text', kind: null } },
    veiled: {
      columns: { id: null, secret: 'pii.national-id', name: null, hidden: null, mark: null },
      invisible: ['secret', 'hidden'],
    },
    contacts: {
      columns: { id: null, address: 'pii.email', name: null },
      definition: 'select `p`.`id`, `p`.`email` AS `address`, `p`.`name` from `people` `p`',
    },
  },
})

/**
 * The tables in a database. Two databases made with other markers differ in their classified values
 * alone, and these have the same order, the same equalities and the same NULLs in both.
 *
 * @param marker what each text begins with, and is as a number: 60 or more, which no id is
 */
export function worldOf(database: string, marker: number): string {
  const more = marker - 59
  const value = (kind: string, row: number) => `'${marker}${kind}${row}${'x'.repeat(more)}'`
  const rows = [1, 2, 3, 4, 5]
  const money = (row: number) => 1000 * more + row * 7 * more
  return `
CREATE DATABASE ${database} CHARACTER SET utf8mb4;
USE ${database};
CREATE TABLE people (id INT PRIMARY KEY, name VARCHAR(80), email VARCHAR(120), ssn VARCHAR(40), city VARCHAR(40), salary DECIMAL(10,2));
CREATE TABLE shops (id INT PRIMARY KEY, name VARCHAR(80), email VARCHAR(120), person INT);
CREATE TABLE notes (id INT PRIMARY KEY, person INT, body VARCHAR(200), kind VARCHAR(20));
CREATE TABLE veiled (id INT PRIMARY KEY, secret VARCHAR(40) INVISIBLE, name VARCHAR(40), hidden VARCHAR(40) INVISIBLE, mark VARCHAR(40));
CREATE VIEW contacts AS SELECT id, email AS address, name FROM people;
INSERT INTO people VALUES ${rows.map((row) => `(${row}, 'name${row % 3}', ${row === 4 ? 'NULL' : value('e', row)}, ${value('s', row % 4)}, 'city${row % 2}', ${money(row)})`).join(', ')};
INSERT INTO shops VALUES ${rows.map((row) => `(${row}, 'name${row % 4}', 'open${row}', ${row})`).join(', ')};
INSERT INTO notes VALUES ${rows.map((row) => `(${row}, ${row % 3}, ${row === 2 ? 'NULL' : value('b', row)}, 'kind${row % 2}')`).join(', ')};
INSERT INTO veiled (id, secret, name, hidden, mark) VALUES ${rows.map((row) => `(${row}, ${value('v', row)}, 'name${row}', 'hidden', 'mark')`).join(', ')};`
}
