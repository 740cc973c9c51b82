/** The provider, or what came back from it, is no proof of anybody. The message holds no token. */
export class OidcFailure extends Error {
  /** The provider's own code, `login_required`; null where the failure isn't its answer. */
  readonly code: string | null

  constructor(message: string, code: string | null = null) {
    super(message)
    this.code = code
  }
}
