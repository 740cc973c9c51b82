import net from 'node:net'
import { Connection } from './connection.ts'

/** Where a listener came to listen. */
export interface ListeningAddress {
  readonly host: string
  readonly port: number
}

/** One listening socket: every connection that comes is handed on, nothing is read from it yet. */
export class Listener {
  readonly #server: net.Server

  constructor(onConnection: (connection: Connection) => void) {
    this.#server = net.createServer({ pauseOnConnect: true, noDelay: true }, (socket) =>
      onConnection(Connection.accept(socket)),
    )
  }

  /** Port 0 picks a free one. Rejects with the system's error, for example EADDRINUSE. */
  listen(host: string, port: number): Promise<ListeningAddress> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.off('error', reject)
        // Out of file descriptors and the like: the connection is lost, the listener stays.
        this.#server.on('error', () => {})
        resolve({ host, port: (this.#server.address() as net.AddressInfo).port })
      })
    })
  }

  /** Takes no more connections; those that are open stay. */
  close(): void {
    this.#server.close()
  }
}
