import { serialize } from 'pg-protocol'
import { AGENT, type Countersign, OWNER } from '../../test/support/countersign.ts'
import { loginOf } from '../../test/support/e2e-client.ts'
import { type Login, RawClient } from '../../test/support/e2e-raw.ts'
import { below, exactly, type Figure, told } from './figure.ts'
import { openLiveMemory, residentKiB } from './memory.ts'

/** Logins at once; each costs both ends some milliseconds of hashing. */
const AT_ONCE = 20
/** One agent may have so many requests waiting (approval/intake.ts). */
const HELD_PER_AGENT = 200
const MOST_KIB_HELD = 64

/** Logs in so many times; the clients that got in. */
export async function logIn(
  proxy: Countersign,
  count: number,
  login: (index: number) => Login = () => loginOf(proxy),
): Promise<RawClient[]> {
  const clients: RawClient[] = []
  let next = 0
  const worker = async () => {
    while (next < count) {
      const { client, greeting } = await RawClient.login(proxy.port, login(next++))
      if (greeting.at(-1)?.type === 'Z') clients.push(client)
      else client.destroy()
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return clients
}

async function leave(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) client.send(serialize.end())
  await Promise.all(clients.map((client) => client.closed()))
}

/** Sessions that have asked one thing and wait. */
export async function idleSessions(proxy: Countersign, count: number): Promise<Figure[]> {
  const memory = await openLiveMemory(proxy)
  // What the first sessions leave behind isn't the cost of one.
  await leave(await logIn(proxy, 100))
  const [live, resident] = [await memory.live(), residentKiB(proxy.pid)]
  const clients = await logIn(proxy, count)
  for (const client of clients) client.send(serialize.query('SELECT 1'))
  const answered = await Promise.all(clients.map((client) => client.until('Z')))
  const good = answered.filter((messages) => messages.some(({ type }) => type === 'D')).length
  const figures = [
    exactly('idle sessions: logged in and answered', good, '', count),
    told('idle session: live memory', ((await memory.live()) - live) / count, 'KiB'),
    told('idle session: resident', (residentKiB(proxy.pid) - resident) / count, 'KiB'),
  ]
  const started = performance.now()
  const [other] = await logIn(proxy, 1)
  figures.push(told('one more login beside them', performance.now() - started, 'ms'))
  await leave(other ? [...clients, other] : clients)
  memory.close()
  return figures
}

/** Statements that wait for a person, each on a session of its own. */
export async function heldSessions(proxy: Countersign, count: number): Promise<Figure[]> {
  const memory = await openLiveMemory(proxy)
  const logins = await agentsFor(proxy, count)
  const clients = await logIn(proxy, count, (index) => logins[index % logins.length] as Login)
  for (const client of clients) client.send(serialize.query('SELECT 1'))
  await Promise.all(clients.map((client) => client.until('Z')))
  const [live, resident] = [await memory.live(), residentKiB(proxy.pid)]
  for (const [index, client] of clients.entries()) {
    client.send(serialize.query(`DELETE FROM held WHERE ${index} = ${index}`))
  }
  // A NOTICE tells each that it waits.
  await Promise.all(clients.map((client) => client.until('N')))
  const waiting = await countPending(proxy)
  const each = ((await memory.live()) - live) / count
  const figures = [
    exactly('held sessions', waiting, '', count),
    below('held session: live memory beyond an idle one', each, 'KiB', MOST_KIB_HELD),
    told('held session: resident', (residentKiB(proxy.pid) - resident) / count, 'KiB'),
  ]
  await leave(clients)
  memory.close()
  return figures
}

async function countPending(proxy: Countersign): Promise<number> {
  let count = 0
  let after = ''
  for (;;) {
    const answer = await proxy.api(`/v1/approvals?state=pending&limit=100${after}`)
    const page = (await answer.json()) as { approvals: unknown[]; next: string | null }
    count += page.approvals.length
    if (!page.next) return count
    after = `&cursor=${encodeURIComponent(page.next)}`
  }
}

/** As many agents as are needed; the proxy takes up each while it runs. */
async function agentsFor(proxy: Countersign, count: number): Promise<Login[]> {
  const logins = [loginOf(proxy)]
  while (logins.length * HELD_PER_AGENT < count) {
    const name = `${AGENT}${logins.length}`
    const added = ['agent', 'add', name, '--owner', OWNER, '--database', 'shop']
    const { password } = await proxy.command(...added)
    logins.push({ user: name, password: String(password), database: 'shop' })
  }
  await untilKnown(proxy, logins.at(-1) as Login)
  return logins
}

async function untilKnown(proxy: Countersign, login: Login): Promise<void> {
  for (;;) {
    const clients = await logIn(proxy, 1, () => login)
    await leave(clients)
    if (clients.length > 0) return
  }
}
