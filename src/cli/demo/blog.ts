import { readFile } from 'node:fs/promises'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { demoFixture } from './demo-fixtures.ts'

/**
 * Makes the database `blog` and the user `app`, which may read and write it and no more. Returns
 * false where it was there already; what was begun and not finished is done again.
 */
export async function createBlog(port: number, appPassword: string): Promise<boolean> {
  const client = await mysql.createConnection({
    host: '127.0.0.1',
    port,
    user: 'root',
    multipleStatements: true,
  })
  try {
    const fresh = !(await isMade(client))
    if (fresh) {
      await client.query('DROP DATABASE IF EXISTS blog; CREATE DATABASE blog; USE blog')
      await client.query(await readFile(demoFixture('blog.sql'), 'utf8'))
    }
    await client.query(`CREATE USER IF NOT EXISTS app@'127.0.0.1'`)
    await client.query(`ALTER USER app@'127.0.0.1' IDENTIFIED BY ?`, [appPassword])
    await client.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE, SHOW VIEW ON blog.* TO app@'127.0.0.1'`,
    )
    return fresh
  } finally {
    await client.end()
  }
}

/** The posts are made last. */
async function isMade(client: Connection): Promise<boolean> {
  try {
    const [rows] = await client.query<RowDataPacket[]>('SELECT 1 FROM blog.posts LIMIT 1')
    return rows.length > 0
  } catch {
    return false
  }
}
