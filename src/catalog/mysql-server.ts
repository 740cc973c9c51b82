import type { Connection } from 'mysql2/promise'
import type { Dialect } from '../sql/mysql/dialect.ts'
import { ask } from './mysql-reading.ts'

/** What of a server decides how names and texts are read. */
export interface MysqlServer {
  readonly dialect: Dialect
  /** 0: names of schemas and tables compare by case; 1 and 2: without. */
  readonly lowerCaseTableNames: 0 | 1 | 2
}

interface Row {
  readonly version: string
  readonly names: string | number
}

/**
 * Asks a server which one it is. VERSION() is a setting that can be made to say anything, so what it
 * says is held against what the server does: it runs executable comments up to its own version.
 *
 * @throws where the two differ, or the version is one that can't be judged
 */
export async function readServer(connection: Connection): Promise<MysqlServer> {
  const [row] = await ask<Row>(
    connection,
    'SELECT VERSION() AS `version`, @@lower_case_table_names AS `names`',
  )
  const version = versionOf(row?.version ?? '')
  const [runs] = await ask<{ marked: number | string; own: number | string }>(
    connection,
    `SELECT 0 /*M! + 1 */ AS marked, 0 /*!${comment(version)} + 1 */ /*!${comment(version + 1)} + 2 */ AS own`,
  )
  if (Number(runs?.own) !== 1) {
    throw new Error(`the server calls itself ${row?.version} and reads comments as another version`)
  }
  const flavour = Number(runs?.marked) === 1 ? 'mariadb' : 'mysql'
  return { dialect: { flavour, version }, lowerCaseTableNames: namesOf(row?.names) }
}

/** 9.7.4 is 90704, 11.8.6-MariaDB is 110806. */
function versionOf(text: string): number {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []
  const version = Number(major) * 10_000 + Number(minor) * 100 + Number(patch)
  if (Number.isNaN(version)) throw new Error(`the server's version can't be read: ${text}`)
  return version
}

/** A blank has to stand behind six digits (MySQL, "Comments"). */
function comment(version: number): string {
  return String(version).padStart(5, '0')
}

function namesOf(value: string | number | undefined): MysqlServer['lowerCaseTableNames'] {
  const names = Number(value)
  if (names !== 0 && names !== 1 && names !== 2) {
    throw new Error(`lower_case_table_names is ${value}, which is not known`)
  }
  return names
}
