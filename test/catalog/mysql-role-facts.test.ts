import t from 'tap'
import { inspectMysqlRole } from '../../src/catalog/mysql-role-facts.ts'
import { MYSQL_FLAVOURS } from '../support/mysql.ts'
import { classified, openMysqlShop } from './mysql-shop.ts'

for (const flavour of MYSQL_FLAVOURS) {
  t.test(`${flavour}: a user that can do too much is described`, async (t) => {
    const mariadb = flavour !== 'mysql'
    const shop = await openMysqlShop(t, flavour, { 'secure-file-priv': '', 'local-infile': '0' })
    if (!shop) return
    const { admin } = shop
    const facts = async (user: string) => {
      const catalog = await shop.openCatalog({}, user)
      const connection = await shop.connect(user)
      const found = await inspectMysqlRole(connection, catalog.current)
      connection.destroy()
      await catalog.close()
      return found
    }

    const blind = await facts('app')
    t.match(blind, [
      mariadb
        ? /triggers \(TRIGGER\) of shop\.goods: writing there needs/
        : /\(TRIGGER\) of shop\.goods, shop\.log, .*: what/,
      /\(SHOW VIEW\) of shop\.cheap, shop\.contacts/,
      /can't see the code of shop\.restock, shop\.twice,/,
    ])
    t.equal(blind.length, 3)
    const write = await classified(
      await shop.openCatalog({}, 'app'),
      'INSERT INTO goods (id) VALUES (1)',
    )
    t.equal(
      write.effects.some(({ effect }) => effect === 'opaque'),
      mariadb,
    )

    await admin.query('GRANT SHOW VIEW, TRIGGER ON shop.* TO app')
    t.match(await facts('app'), [/can't see the code of shop\.restock/])
    await admin.query(
      mariadb ? 'GRANT SELECT ON mysql.proc TO app' : 'GRANT SHOW_ROUTINE ON *.* TO app',
    )
    t.same(await facts('app'), [])

    await admin.query('CREATE USER wide')
    await admin.query('GRANT SELECT, INSERT, TRIGGER, SHOW VIEW ON `s%p`.* TO wide')
    t.same(await facts('wide'), [], 'a right by a pattern')

    await admin.query('CREATE ROLE clerk')
    await admin.query('GRANT FILE, PROCESS ON *.* TO clerk')
    await admin.query('GRANT clerk TO app')
    await admin.query('GRANT SELECT ON shop.goods TO app WITH GRANT OPTION')
    await admin.query('GRANT REPLICATION SLAVE, REPLICATION CLIENT, CREATE USER ON *.* TO app')
    await admin.query(
      mariadb
        ? 'GRANT FEDERATED ADMIN, SET USER ON *.* TO app'
        : 'GRANT SYSTEM_USER, SET_ANY_DEFINER ON *.* TO app',
    )
    await admin.query('GRANT SELECT ON `mysql`.* TO app')
    const found = await facts('app')
    const expected = [
      /FILE/,
      /PROCESS/,
      /CREATE USER/,
      /REPLICATION SLAVE/,
      mariadb ? /BINLOG MONITOR/ : /REPLICATION CLIENT/,
      ...(mariadb ? [/FEDERATED ADMIN/, /SET USER/] : [/SYSTEM_USER/, /SET_ANY_DEFINER/]),
      /GRANT OPTION/,
      /the schema mysql/,
      /secure_file_priv is empty/,
    ]
    for (const pattern of expected) {
      t.ok(
        found.some((fact) => pattern.test(fact)),
        `${pattern}`,
      )
    }
    t.equal(found.length, expected.length, found.join('\n'))
    t.ok(found.every((fact) => /^The (?:user app@%|server) .*\.$/.test(fact)))

    await admin.query('SET GLOBAL local_infile = 1')
    t.ok((await facts('app')).some((fact) => /local_infile is on/.test(fact)))
    t.match(await facts('root'), [/root@localhost is an administrator/])
    await admin.query('GRANT SUPER ON *.* TO app')
    t.match(await facts('app'), [/app@% is an administrator \(SUPER\)/])
  })
}
