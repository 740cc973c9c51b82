/** Capability flags, named as in the manual ("Capabilities Flags"). */
export const CLIENT_LONG_PASSWORD = 1
export const CLIENT_FOUND_ROWS = 1 << 1
export const CLIENT_LONG_FLAG = 1 << 2
export const CLIENT_CONNECT_WITH_DB = 1 << 3
export const CLIENT_COMPRESS = 1 << 5
export const CLIENT_ODBC = 1 << 6
export const CLIENT_LOCAL_FILES = 1 << 7
export const CLIENT_IGNORE_SPACE = 1 << 8
export const CLIENT_PROTOCOL_41 = 1 << 9
export const CLIENT_INTERACTIVE = 1 << 10
export const CLIENT_SSL = 1 << 11
export const CLIENT_IGNORE_SIGPIPE = 1 << 12
export const CLIENT_TRANSACTIONS = 1 << 13
export const CLIENT_RESERVED = 1 << 14
export const CLIENT_SECURE_CONNECTION = 1 << 15
export const CLIENT_MULTI_STATEMENTS = 1 << 16
export const CLIENT_MULTI_RESULTS = 1 << 17
export const CLIENT_PS_MULTI_RESULTS = 1 << 18
export const CLIENT_PLUGIN_AUTH = 1 << 19
export const CLIENT_CONNECT_ATTRS = 1 << 20
export const CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA = 1 << 21
export const CLIENT_SESSION_TRACK = 1 << 23
export const CLIENT_DEPRECATE_EOF = 1 << 24
export const CLIENT_OPTIONAL_RESULTSET_METADATA = 1 << 25
export const CLIENT_ZSTD_COMPRESSION_ALGORITHM = 1 << 26
export const CLIENT_QUERY_ATTRIBUTES = 1 << 27

/**
 * What changes the meaning or the framing of statements and results: it has to be the same on both
 * sides of the proxy.
 */
const SHARED =
  CLIENT_FOUND_ROWS |
  CLIENT_LONG_FLAG |
  CLIENT_ODBC |
  CLIENT_IGNORE_SPACE |
  CLIENT_INTERACTIVE |
  CLIENT_IGNORE_SIGPIPE |
  CLIENT_MULTI_STATEMENTS |
  CLIENT_MULTI_RESULTS |
  CLIENT_PS_MULTI_RESULTS |
  CLIENT_DEPRECATE_EOF

/** What every server that is spoken to must have; MariaDB 10.6 and MySQL 8.0 have all of it. */
const NEEDED =
  CLIENT_CONNECT_WITH_DB |
  CLIENT_PROTOCOL_41 |
  CLIENT_TRANSACTIONS |
  CLIENT_SECURE_CONNECTION |
  CLIENT_PLUGIN_AUTH |
  CLIENT_CONNECT_ATTRS |
  CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA |
  CLIENT_SESSION_TRACK

/**
 * Without this bit a MariaDB client reads, and a MariaDB server expects, 32 capabilities of its own
 * in reserved bytes: metadata caching, bulk execution, extended metadata and progress reports.
 */
const NO_MARIADB_EXTENSIONS = CLIENT_LONG_PASSWORD

/**
 * What the proxy offers: all that it understands. Not compression, local files, query attributes,
 * optional metadata, multi-factor authentication.
 */
export const OFFERED = (SHARED | NEEDED | NO_MARIADB_EXTENSIONS | CLIENT_RESERVED) >>> 0

/** What an agent may use: "effective" is what both ends have said. */
export function agreedWithClient(offered: number, asked: number): number {
  return (offered & asked) >>> 0
}

/** What the proxy asks of a database for a client with these flags. */
export function askedOfServer(agreed: number): number {
  return ((agreed & SHARED) | NEEDED | NO_MARIADB_EXTENSIONS | CLIENT_RESERVED) >>> 0
}

/** Flags that the proxy has to have and the server doesn't offer; 0 where there are none. */
export function missingAt(server: number, asked: number): number {
  // RESERVED and LONG_PASSWORD mean nothing to a server of today; MariaDB doesn't set the second.
  return (asked & ~server & ~(CLIENT_RESERVED | NO_MARIADB_EXTENSIONS)) >>> 0
}
