import type tls from 'node:tls'
import t from 'tap'
import { namesIn, shownBy } from '../../src/net/client-certificate.ts'

t.test('reads the names of a certificate, and nobody’s into them', async (t) => {
  t.same(namesIn('URI:spiffe://example.com/bot, DNS:bot.example.com, IP Address:127.0.0.1'), [
    'URI:spiffe://example.com/bot',
    'DNS:bot.example.com',
    'IP Address:127.0.0.1',
  ])
  // One name that looks like several stands in quotes.
  t.same(namesIn('URI:"x, URI:spiffe://example.com/bot", DNS:a'), ['DNS:a'])
  t.same(namesIn('URI:"\\", URI:spiffe://example.com/bot"'), [])
  for (const odd of ['', 'URI', 'URI:"', 'URI:a"b', 'URI:a,URI:b', 'DNS:a, ', ', DNS:a,']) {
    t.same(namesIn(odd), [], odd)
  }
})

t.test('believes no certificate that it can not verify', async (t) => {
  const certificate = { subjectAltName: 'DNS:bot', validTo: 'Jan  1 00:00:00 2049 GMT' }
  const socket = (handle: unknown, shown: unknown = certificate) =>
    ({ getPeerX509Certificate: () => shown, _handle: handle }) as unknown as tls.TLSSocket
  const verified = { verifyError: () => null }
  const until = Date.parse('2049-01-01T00:00:00Z')
  t.same(shownBy(socket(verified)), { names: ['DNS:bot'], trouble: null, until })
  t.equal(shownBy(socket(verified, null)), null)
  const expired = Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' })
  t.match(shownBy(socket({ verifyError: () => expired })), { trouble: 'CERT_HAS_EXPIRED' })
  // A Node that has no such thing.
  for (const handle of [undefined, null, {}, { verifyError: true }]) {
    t.match(shownBy(socket(handle)), { trouble: /could not be verified/ })
  }
})
