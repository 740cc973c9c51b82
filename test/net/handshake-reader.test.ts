import t from 'tap'
import { HandshakeReader } from '../../src/net/handshake-reader.ts'
import { FakeConnection } from '../support/fake-connection.ts'

t.test('reads as much as is asked for, and lets what comes beyond it wait', async (t) => {
  const connection = new FakeConnection()
  const reader = new HandshakeReader(connection.face)
  // Connection attributes of MySQL take up to 64 KiB.
  const asked = reader.read(60_000)
  for (let sent = 0; sent < 60_000; sent += 10_000) {
    t.ok(connection.readable, `${sent} bytes are not enough`)
    connection.deliver(Buffer.alloc(10_000, 1))
  }
  t.equal((await asked).length, 60_000)
  for (let sent = 0; connection.readable; sent += 1_000) {
    if (sent > 20_000) break
    connection.deliver(Buffer.alloc(1_000, 2))
  }
  t.notOk(connection.readable, 'nobody has asked for more')
  t.equal((await reader.read(17_000)).length, 17_000)
})
