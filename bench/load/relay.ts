// A TCP relay that knows nothing of databases: what one hop through Node costs at least.
// Arguments: the port to connect to. Prints the port that it listens on.

import net from 'node:net'

const READ_BUFFER = 64 * 1024
const upstreamPort = Number(process.argv[2])

/** A socket that reads into a static buffer and writes what it reads to `other`. */
function reading(options: object, other: () => net.Socket): net.ConnectOpts {
  const buffer = Buffer.allocUnsafeSlow(READ_BUFFER)
  const callback = (count: number) => {
    const to = other()
    to.write(buffer.subarray(0, count))
    if (to.writableLength === 0) return true
    // The buffer is in use until the write is done.
    to.write('', () => from().resume())
    return false
  }
  const from = () => (other() as net.Socket & { peer: net.Socket }).peer
  return { ...options, onread: { buffer, callback } } as never
}

const server = net.createServer({ pauseOnConnect: true }, (accepted) => {
  const holder = accepted as unknown as { _handle: unknown }
  const handle = holder._handle
  holder._handle = null
  const client = new net.Socket(
    reading({ handle, manualStart: true }, () => upstream) as never,
  ) as net.Socket & { peer: net.Socket }
  const upstream = net.connect(
    reading({ host: '127.0.0.1', port: upstreamPort }, () => client) as never,
  ) as net.Socket & { peer: net.Socket }
  client.peer = upstream
  upstream.peer = client
  for (const socket of [client, upstream]) {
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => socket.peer.destroy())
  }
  client.resume()
})

server.listen(0, '127.0.0.1', () => {
  console.log((server.address() as net.AddressInfo).port)
})
