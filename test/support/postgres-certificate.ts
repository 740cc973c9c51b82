import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/*
 * Certificates for tests, made without any program: DER (X.690) of X.509 v3 certificates (RFC 5280,
 * section 4.1): a server's, signed by its own key, good for localhost and 127.0.0.1; a CA of clients
 * and what it signs.
 */

const ECDSA_WITH_SHA256 = oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])
const COMMON_NAME = oid([0x55, 0x04, 0x03])
const EXTENDED_KEY_USAGE = oid([0x55, 0x1d, 0x25])
const CLIENT_AUTHENTICATION = oid([0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02])
const SUBJECT_ALT_NAME = oid([0x55, 0x1d, 0x11])
const BASIC_CONSTRAINTS = oid([0x55, 0x1d, 0x13])

/** Who signs a certificate: a key, and the name that it is known by. */
interface Signer {
  readonly name: string
  readonly privateKey: KeyObject
}

/** Writes `<name>.crt` and `<name>.key` (PEM) into a folder and returns their paths. */
export function writeCertificate(folder: string, name = 'server'): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = certificateOf({
    subject: 'localhost',
    publicKey,
    signer: { name: 'localhost', privateKey },
    until: '490101000000Z',
    extensions: [extension(SUBJECT_ALT_NAME, names()), extension(BASIC_CONSTRAINTS, ca())],
  })
  const paths = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  writeFileSync(paths.cert, pem('CERTIFICATE', certificate))
  writeFileSync(paths.key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  return paths
}

/** A CA that signs certificates of clients. */
export class ClientAuthority {
  readonly #signer: Signer
  /** PEM. */
  readonly certificate: string

  constructor(name = 'a CA of agents') {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#signer = { name, privateKey }
    const extensions = [extension(BASIC_CONSTRAINTS, ca())]
    const signer = this.#signer
    const made = { subject: name, publicKey, signer, until: '490101000000Z', extensions }
    this.certificate = pem('CERTIFICATE', certificateOf(made))
  }

  /** `uris` and `hosts` are its subject alternative names; it is over at `until` (YYMMDDHHMMSSZ). */
  sign({ uris = [], hosts = [], until = '490101000000Z' }: ClientNames = {}): {
    readonly cert: string
    readonly key: string
  } {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const alternatives = sequence(
      ...uris.map((uri) => der(0x86, Buffer.from(uri))),
      ...hosts.map((host) => der(0x82, Buffer.from(host))),
    )
    const extensions = [
      extension(SUBJECT_ALT_NAME, alternatives),
      extension(EXTENDED_KEY_USAGE, sequence(CLIENT_AUTHENTICATION)),
    ]
    const signer = this.#signer
    const made = certificateOf({ subject: 'an agent', publicKey, signer, until, extensions })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' })
    return { cert: pem('CERTIFICATE', made), key: String(key) }
  }
}

interface ClientNames {
  readonly uris?: readonly string[]
  readonly hosts?: readonly string[]
  readonly until?: string
}

function certificateOf(made: {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly signer: Signer
  readonly until: string
  readonly extensions: readonly Buffer[]
}): Buffer {
  const named = (name: string) =>
    sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))))
  const tbs = sequence(
    der(0xa0, integer(2)),
    integer(1),
    sequence(ECDSA_WITH_SHA256),
    named(made.signer.name),
    sequence(utcTime('200101000000Z'), utcTime(made.until)),
    named(made.subject),
    made.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...made.extensions)),
  )
  const signature = sign('sha256', tbs, made.signer.privateKey)
  const bits = der(0x03, Buffer.concat([Buffer.of(0), signature]))
  return sequence(tbs, sequence(ECDSA_WITH_SHA256), bits)
}

/** dNSName and iPAddress. */
function names(): Buffer {
  return sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.of(127, 0, 0, 1)))
}

function ca(): Buffer {
  return sequence(der(0x01, Buffer.of(0xff)))
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, der(0x04, value))
}

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag, ...lengthOctets(content.length)), content])
}

/** As few octets as the length takes (X.690, section 10.1). */
function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length]
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function integer(value: number): Buffer {
  return der(0x02, Buffer.of(value))
}

function oid(bytes: number[]): Buffer {
  return der(0x06, Buffer.from(bytes))
}

function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text))
}

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
