import { constants, publicEncrypt } from 'node:crypto'
import { messageOf, ProxyError } from '../../lib/errors.ts'
import type { UpstreamLogin } from '../handshake.ts'
import type { ClientChannel } from '../handshake-channel.ts'
import { decodeError, ERR_HEADER } from './errors.ts'
import { type Greeting, SCRAMBLE_LENGTH } from './greeting.ts'
import type { HandshakePackets } from './handshake-packets.ts'
import { OK_HEADER } from './ok-packet.ts'
import { CACHING_SHA2, cachingSha2Proof, NATIVE, nativeProof, xor } from './password-proofs.ts'
import { cstring, PayloadReader, uint8 } from './payload.ts'

const AUTH_SWITCH = 0xfe
const AUTH_MORE_DATA = 0x01
const REQUEST_PUBLIC_KEY = 0x02
const FAST_AUTH_SUCCESS = 0x03
const PERFORM_FULL_AUTHENTICATION = 0x04
/** A server switches once, and asks for two things at most. */
const MAX_STEPS = 8

/** How the proxy proves who it is: a plugin, and the scramble that its proof is made with. */
interface Method {
  readonly plugin: string
  readonly scramble: Buffer
}

/** What the response to the greeting says: a proof by the server's plugin, where it is known. */
export function firstProof(
  greeting: Greeting,
  login: UpstreamLogin,
): { plugin: string; proof: Buffer } {
  const { scramble } = greeting
  const plugin = greeting.plugin === NATIVE ? NATIVE : CACHING_SHA2
  return { plugin, proof: proofBy({ plugin, scramble }, login.password) }
}

/**
 * Takes the login through whatever the server asks: caching_sha2_password or
 * mysql_native_password, by switch too. No other plugin: some would give the password away.
 */
export async function authenticateUpstream(
  channel: ClientChannel,
  packets: HandshakePackets,
  login: UpstreamLogin,
  first: Method,
): Promise<void> {
  let method = first
  for (let step = 0; step < MAX_STEPS; step++) {
    const payload = await packets.read()
    switch (payload[0]) {
      case OK_HEADER:
        return
      case ERR_HEADER:
        throw refused(payload)
      case AUTH_SWITCH:
        method = readSwitch(payload)
        packets.write(proofBy(method, login.password))
        break
      case AUTH_MORE_DATA:
        if (method.plugin !== CACHING_SHA2) throw unavailable('it asks for more than a proof')
        if (payload[1] === FAST_AUTH_SUCCESS && payload.length === 2) break
        if (payload[1] !== PERFORM_FULL_AUTHENTICATION || payload.length !== 2) {
          throw unavailable('it left the login unfinished')
        }
        await giveSecret(channel, packets, login, method.scramble)
        break
      default:
        throw unavailable('it left the login unfinished')
    }
  }
  throw unavailable('its login has no end')
}

function proofBy({ plugin, scramble }: Method, password: string): Buffer {
  return plugin === NATIVE ? nativeProof(password, scramble) : cachingSha2Proof(password, scramble)
}

/** AuthSwitchRequest; without a plugin's name it is that of servers before 4.1. */
function readSwitch(payload: Buffer): Method {
  if (payload.length === 1) throw unavailable('it asks for the passwords of MySQL 4.0')
  const reader = new PayloadReader(payload, 1)
  const plugin = reader.cstringBytes().toString('latin1')
  if (plugin !== CACHING_SHA2 && plugin !== NATIVE) {
    throw unavailable(`it asks for the plugin "${plugin.slice(0, 64)}", which is not supported`)
  }
  const data = reader.rest()
  if (data.length !== SCRAMBLE_LENGTH + 1 || data.at(-1) !== 0) {
    throw unavailable('its scramble has another length than 20')
  }
  return { plugin, scramble: data.subarray(0, SCRAMBLE_LENGTH) }
}

/** "perform full authentication": in clear where nobody can listen, else encrypted to its key. */
async function giveSecret(
  channel: ClientChannel,
  packets: HandshakePackets,
  login: UpstreamLogin,
  scramble: Buffer,
): Promise<void> {
  if (channel.tls !== null || login.unixSocket) {
    packets.write(cstring(login.password))
    return
  }
  const key = login.publicKey ?? (login.local ? await askForKey(packets) : null)
  if (key === null) {
    // Whoever stands between could send a key of its own.
    throw unavailable('it asks for the password: use TLS, or give its public key')
  }
  packets.write(encrypted(login.password, scramble, key))
}

async function askForKey(packets: HandshakePackets): Promise<string> {
  packets.write(uint8(REQUEST_PUBLIC_KEY))
  const answer = await packets.read()
  if (answer[0] === ERR_HEADER) throw refused(answer)
  if (answer[0] !== AUTH_MORE_DATA) throw unavailable('it does not tell its public key')
  return answer.toString('latin1', 1)
}

/** RSA-OAEP of the password, its NUL included, XOR the scramble over and over. */
function encrypted(password: string, scramble: Buffer, key: string): Buffer {
  const plain = cstring(password)
  const cover = Buffer.alloc(plain.length)
  for (let at = 0; at < cover.length; at += scramble.length) scramble.copy(cover, at)
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    return publicEncrypt({ key, padding }, xor(plain, cover))
  } catch (error) {
    throw unavailable(`its public key can't be used: ${messageOf(error)}`)
  }
}

/** The server's words stay out of the client's sight: they name the database's user. */
function refused(payload: Buffer): ProxyError {
  const { number, sqlState } = decodeError(payload)
  return unavailable(`it refused the login (error ${number}, SQLSTATE ${sqlState})`)
}

export function unavailable(why: string): ProxyError {
  return new ProxyError('UPSTREAM_UNAVAILABLE', `the database can't be reached: ${why}`)
}
