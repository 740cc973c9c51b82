import type tls from 'node:tls'
import type { ClientCertificate } from '../wire/handshake-channel.ts'

/** Node's own names for what is undocumented and asked by tls.Server alone. */
interface Verifying {
  readonly _handle?: { verifyError?: () => (Error & { readonly code?: string }) | null | undefined }
}

/** The certificate that a client has shown, judged by the CAs of the context. Null: none. */
export function shownBy(secured: tls.TLSSocket): ClientCertificate | null {
  const certificate = secured.getPeerX509Certificate()
  if (!certificate) return null
  return {
    names: namesIn(certificate.subjectAltName ?? ''),
    trouble: troubleOf(secured),
    until: Date.parse(certificate.validTo),
  }
}

/** What tls.Server reads of a socket; where it can't be read, nobody is believed. */
function troubleOf(secured: tls.TLSSocket): string | null {
  const { _handle: handle } = secured as unknown as Verifying
  if (typeof handle?.verifyError !== 'function') return 'it could not be verified'
  const error = handle.verifyError()
  return error ? (error.code ?? error.message) : null
}

/**
 * "URI:spiffe://a/b, DNS:c" as Node writes it: a value that could be read as more than one stands
 * in JSON's quotes (CVE-2021-44532). Such a value is nobody's name here.
 */
export function namesIn(text: string): readonly string[] {
  const names: string[] = []
  const part = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?=, |$)/y
  while (part.lastIndex < text.length) {
    const found = part.exec(text)
    // What isn't written so is read to no end.
    if (!found) return []
    const [, kind, value = ''] = found
    if (!value.startsWith('"')) names.push(`${kind}:${value}`)
  }
  return names
}
