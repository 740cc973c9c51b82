/**
 * What can go wrong between an agent and its database, with the SQLSTATE that a PostgreSQL client
 * sees. `fatal` ends the session after the error has been sent.
 */
export const ERRORS = {
  PROTOCOL_VIOLATION: { sqlState: '08P01', fatal: true },
  FEATURE_REFUSED: { sqlState: '0A000', fatal: false },
  STARTUP_REFUSED: { sqlState: '42501', fatal: true },
  LOGIN_FAILED: { sqlState: '28P01', fatal: true },
  LOGIN_TIMEOUT: { sqlState: '57014', fatal: true },
  /** An issuer of tokens can't be asked; cannot_connect_now. */
  IDENTITY_UNAVAILABLE: { sqlState: '57P03', fatal: true },
  TLS_REQUIRED: { sqlState: '28000', fatal: true },
  UNKNOWN_DATABASE: { sqlState: '3D000', fatal: true },
  TOO_MANY_CONNECTIONS: { sqlState: '53300', fatal: true },
  UPSTREAM_UNAVAILABLE: { sqlState: '08006', fatal: true },
  IDLE_TIMEOUT: { sqlState: '57P05', fatal: true },
  SHUTDOWN: { sqlState: '57P01', fatal: true },
  APPROVAL_NEEDED: { sqlState: 'ZA001', fatal: false },
  APPROVAL_PENDING: { sqlState: 'ZA002', fatal: false },
  APPROVAL_EXPIRED: { sqlState: 'ZA003', fatal: false },
  GATE_UNAVAILABLE: { sqlState: 'ZA004', fatal: false },
  APPROVAL_REJECTED: { sqlState: '42501', fatal: false },
  STATEMENT_DENIED: { sqlState: '42501', fatal: false },
  /** Of the database's own; its SQLSTATE comes with it. */
  COMMIT_FAILED: { sqlState: '40000', fatal: false },
  TRANSACTION_FAILED: { sqlState: '25P02', fatal: false },
  SYNTAX_ERROR: { sqlState: '42601', fatal: false },
  UNKNOWN_STATEMENT: { sqlState: '26000', fatal: false },
  UNKNOWN_PORTAL: { sqlState: '34000', fatal: false },
  UNKNOWN_CONNECTION: { sqlState: '42704', fatal: false },
  CANCELLED: { sqlState: '57014', fatal: false },
  AUDIT_UNAVAILABLE: { sqlState: '58030', fatal: false },
  CONFIG_INVALID: { sqlState: 'F0000', fatal: true },
  INTERNAL: { sqlState: 'XX000', fatal: true },
} as const satisfies Record<string, { sqlState: string; fatal: boolean }>

export type ErrorCode = keyof typeof ERRORS

/** An error with a stable code. The message is written for the person or model that reads it. */
export class ProxyError extends Error {
  readonly code: ErrorCode
  readonly detail: string | undefined
  readonly hint: string | undefined
  readonly #sqlState: string | undefined

  /** `sqlState`: the database's own, where the error is. */
  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; detail?: string; hint?: string; sqlState?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ProxyError'
    this.code = code
    this.detail = options.detail
    this.hint = options.hint
    this.#sqlState = options.sqlState
  }

  get sqlState(): string {
    return this.#sqlState ?? ERRORS[this.code].sqlState
  }

  get fatal(): boolean {
    return ERRORS[this.code].fatal
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
