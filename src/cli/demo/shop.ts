import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { demoFixture } from './demo-fixtures.ts'

/**
 * Makes the database `shop` and the role `app`, which may do what an agent needs and no more.
 * Returns false where it was there already; what was begun and not finished is done again.
 */
export async function createShop(superuserUrl: string, appPassword: string): Promise<boolean> {
  await withClient(superuserUrl, async (client) => {
    await client.query(`
      DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'app') THEN CREATE ROLE app LOGIN; END IF;
      END $$`)
    await client.query(`ALTER ROLE app PASSWORD ${pg.escapeLiteral(appPassword)}`)
    const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = 'shop'`)
    if (rowCount === 0) await client.query('CREATE DATABASE shop')
  })
  const url = new URL(superuserUrl)
  url.pathname = '/shop'
  return withClient(url.href, async (client) => {
    const { rows } = await client.query(`SELECT to_regclass('public.customers') AS there`)
    if (rows[0].there !== null) return false
    // One query of many statements is one transaction: all of the shop, or nothing.
    await client.query(await readFile(demoFixture('shop.sql'), 'utf8'))
    return true
  })
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
