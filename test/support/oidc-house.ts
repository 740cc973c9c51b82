import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { type Configuration, Provider } from 'oidc-provider'
import type { Test } from 'tap'

/** An account as the provider knows it. */
export interface ProviderAccount {
  readonly subject: string
  readonly email?: string
  readonly emailVerified?: boolean
  readonly groups?: readonly string[]
}

export const CLIENT = { id: 'countersign', secret: 'a secret of the client that is long enough' }

/**
 * A real identity provider on the loopback. Whoever comes is `account`, and is asked nothing; where
 * there is none, it says no.
 */
export class OidcHouse {
  account: ProviderAccount | null = null
  /** How often somebody had to prove who they are. */
  logins = 0
  readonly issuer: string
  readonly #accounts = new Map<string, ProviderAccount>()
  #provider: Provider | null = null

  private constructor(issuer: string) {
    this.issuer = issuer
  }

  static async start(t: Test): Promise<OidcHouse> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const house = new OidcHouse(`http://127.0.0.1:${port}`)
    server.on('request', (request, answer) => house.#serve(request, answer))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    return house
  }

  /** It sends people back to `base`, an inbox, from now on. */
  async leadsTo(base: string): Promise<void> {
    this.#provider = await this.#providerFor(base)
  }

  #serve(request: IncomingMessage, answer: ServerResponse): void {
    const provider = this.#provider
    if (!provider) answer.writeHead(503).end()
    else if (request.url?.startsWith('/interaction/')) {
      void this.#interact(provider, request, answer)
    } else void provider.callback()(request, answer)
  }

  get settings() {
    const { id: clientId, secret: clientSecret } = CLIENT
    return { issuer: this.issuer, clientId, clientSecret, groupsClaim: 'groups' }
  }

  async #providerFor(base: string): Promise<Provider> {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    const key = { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: 'one' }
    const configuration: Configuration = {
      jwks: { keys: [key] },
      cookies: { keys: ['a key for cookies'] },
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          redirect_uris: [`${base}/inbox/oidc/callback`],
          post_logout_redirect_uris: [`${base}/inbox/sign-in`],
          response_types: ['code'],
          grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
        },
      ],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
      scopes: ['openid', 'email', 'groups'],
      features: { devInteractions: { enabled: false }, deviceFlow: { enabled: true } },
      interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
      findAccount: (_context, id) => this.#find(id),
      loadExistingGrant: async ({ oidc }) => {
        const grant = new oidc.provider.Grant({
          clientId: CLIENT.id,
          accountId: oidc.session?.accountId ?? '',
        })
        grant.addOIDCScope('openid email groups')
        await grant.save()
        return grant
      },
    }
    return new Provider(this.issuer, configuration)
  }

  #find(id: string) {
    const account = this.#accounts.get(id)
    if (!account) return undefined
    const { subject: sub, email, emailVerified: email_verified = true, groups } = account
    return { accountId: id, claims: () => ({ sub, email, email_verified, groups }) }
  }

  async #interact(provider: Provider, request: IncomingMessage, answer: ServerResponse) {
    const { account } = this
    if (account) {
      this.logins++
      this.#accounts.set(account.subject, account)
    }
    const result = account
      ? { login: { accountId: account.subject, remember: true } }
      : { error: 'access_denied', error_description: '<b>somebody</b> said no' }
    await provider.interactionFinished(request, answer, result)
  }

  /** What is known of somebody changes, and they stay signed in there. */
  update(account: ProviderAccount): void {
    this.account = account
    this.#accounts.set(account.subject, account)
  }
}
