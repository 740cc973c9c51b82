import { generateKeyPairSync, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/*
 * A certificate for tests, made without any program: DER (X.690) of an X.509 v3 certificate
 * (RFC 5280, section 4.1), signed by its own key, good for localhost and 127.0.0.1.
 */

const ECDSA_WITH_SHA256 = oid([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])
const COMMON_NAME = oid([0x55, 0x04, 0x03])
const SUBJECT_ALT_NAME = oid([0x55, 0x1d, 0x11])
const BASIC_CONSTRAINTS = oid([0x55, 0x1d, 0x13])

/** Writes `<name>.crt` and `<name>.key` (PEM) into a folder and returns their paths. */
export function writeCertificate(folder: string, name = 'server'): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const subject = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('localhost')))))
  const tbs = sequence(
    der(0xa0, integer(2)),
    integer(1),
    sequence(ECDSA_WITH_SHA256),
    subject,
    sequence(utcTime('200101000000Z'), utcTime('490101000000Z')),
    subject,
    spki,
    der(0xa3, sequence(extension(SUBJECT_ALT_NAME, names()), extension(BASIC_CONSTRAINTS, ca()))),
  )
  const signature = sign('sha256', tbs, privateKey)
  const bits = der(0x03, Buffer.concat([Buffer.of(0), signature]))
  const certificate = sequence(tbs, sequence(ECDSA_WITH_SHA256), bits)
  const paths = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
  writeFileSync(paths.cert, pem('CERTIFICATE', certificate))
  writeFileSync(paths.key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  return paths
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
