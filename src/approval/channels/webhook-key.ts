const PREFIX = 'whsec_'
const BASE64 =
  /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$|^[A-Za-z0-9+/]{2}==$/

/** The key that a secret of Standard Webhooks (`whsec_` and base64) holds; null where it isn't one. */
export function webhookKey(secret: string): Buffer | null {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret
  return BASE64.test(encoded) ? Buffer.from(encoded, 'base64') : null
}
