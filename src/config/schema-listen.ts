import { z } from 'zod'
import { address, duration, flag, integer, size, text } from './values.ts'

export const listen = z
  .strictObject({
    postgres: address.nullish().describe('Where agents connect with PostgreSQL clients.'),
    mysql: address.nullish().describe('Where agents connect with MySQL clients.'),
    control: address
      .nullable()
      .prefault('127.0.0.1:6480')
      .describe('The inbox, HTTP API, /metrics, /healthz, /readyz. null: none.'),
    public_url: z
      .url({
        protocol: /^https?$/,
        error: 'is not an address; write it like https://countersign.example.com',
      })
      .optional()
      .describe('What messages link to; the control address when it is left out.'),
    tls: z
      .strictObject({
        cert: text('Path of the certificate chain, PEM.'),
        key: text('Path of the private key, PEM.'),
        require: flag('Refuse clients that do not ask for TLS.').default(true),
        client_ca: text('Path of the CAs that sign certificates of agents, PEM.').optional(),
      })
      .optional(),
    workers: integer(1, 64, 'Data processes.').default(1),
    max_connections: integer(1, 1_000_000, 'Client connections at once.').default(10_000),
    max_message: size.prefault('64MiB').describe('The largest message that a client may send.'),
    deadlines: z
      .strictObject({
        login: duration.prefault('10s').describe('From the connection to the end of the login.'),
        idle: duration.prefault('0').describe('Without a statement; 0: no limit.'),
        write: duration.prefault('60s').describe('A client that does not read its answer.'),
      })
      .prefault({}),
    mysql_native_password: flag('For MySQL clients that know nothing else.').default(false),
  })
  .prefault({})
