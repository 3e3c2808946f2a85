/**
 * Every failure that hookferry reports by throwing. Guard by `code`, never by `instanceof`: two copies of the package in one
 * process have two classes. Codes are stable between majors, messages are not.
 */

/** Codes of `WebhookError`: refused customer input, the state of things, and failures of our own. */
export type WebhookErrorCode =
  | 'endpoint_url_invalid'
  | 'endpoint_address_blocked'
  | 'endpoint_not_found'
  | 'endpoint_state_invalid'
  | 'event_not_found'
  | 'secrets_key_unknown'
  | 'secret_unreadable'
  | 'event_invalid'
  | 'delivery_not_found'
  | 'replay_not_found'
  | 'payload_too_large'
  | 'idempotency_conflict'
  | 'not_in_transaction'
  | 'transaction_aborted'
  | 'transactions_unsupported'
  | 'busy'
  | 'stopped'
  | 'already_started'
  | 'timed_out'
  | 'storage_busy'
  | 'storage_unavailable'
  | 'storage_full'
  | 'storage_read_only'
  | 'storage_corrupt'
  | 'storage_version'
  | 'driver_missing'
  | 'driver_unsupported'

/** What may be said of a `WebhookError` besides code and message. */
export interface WebhookErrorOptions {
  /** What made it fail, as it was thrown. */
  cause?: unknown
  /** Whether the same call may succeed later, unchanged. Default false. */
  retryable?: boolean
}

/** A refusal or failure that the caller could not have known beforehand. The message ends with what to do next. */
export class WebhookError extends Error {
  /** Always `WebhookError`, also in another copy of the package. */
  override readonly name = 'WebhookError'
  /** What to guard by; the text of the message may change. */
  readonly code: WebhookErrorCode
  /** Whether the same call may succeed later, unchanged. */
  readonly retryable: boolean

  /** For storages and other plug-ins: `message` says what is wrong and ends with what to do next. */
  constructor(code: WebhookErrorCode, message: string, options: WebhookErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** Codes of `ArgumentError`. */
export type ArgumentErrorCode =
  | 'argument_missing'
  | 'argument_type'
  | 'argument_range'
  | 'argument_unknown'
  | 'argument_invalid'
  | 'cursor_invalid'

/** An argument that no state of the world would make right: a bug in the calling code. */
export class ArgumentError extends TypeError {
  /** Always `ArgumentError`, also in another copy of the package. */
  override readonly name = 'ArgumentError'
  /** What to guard by; the text of the message may change. */
  readonly code: ArgumentErrorCode
  /** Where the argument stands, such as `send.data` or `options.retry.delaysMs[2]`. */
  readonly path: string

  /** For storages and other plug-ins: `path` goes before `message` in the text. */
  constructor(code: ArgumentErrorCode, path: string, message: string) {
    super(`${path}: ${message}`)
    this.code = code
    this.path = path
  }
}

/** Codes of `VerificationError`. */
export type VerificationErrorCode =
  | 'secret_invalid'
  | 'header_missing'
  | 'header_invalid'
  | 'timestamp_too_old'
  | 'timestamp_too_new'
  | 'body_unreadable'
  | 'signature_mismatch'

/** Why `verify` does not vouch for a request. Its message holds no secret, and no signature that would have been right. */
export class VerificationError extends Error {
  /** Always `VerificationError`, also in another copy of the package. */
  override readonly name = 'VerificationError'
  /** What to guard by; the text of the message may change. */
  readonly code: VerificationErrorCode
  /**
   * What to answer: 400 where the request is at fault, 500 where its receiver is, by a wrong secret or a body that was read before.
   * Express, Fastify, Koa and NestJS answer so by themselves when the error reaches them.
   */
  readonly statusCode: 400 | 500

  /** `cause`: what made it fail, as it was thrown. */
  constructor(code: VerificationErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.statusCode = code === 'secret_invalid' || code === 'body_unreadable' ? 500 : 400
  }
}

/** `error.code` when it is one of ours, else undefined: the guard that works across copies of the package. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The text of what was thrown, 500 characters at most. Anything can be thrown, even what has no text. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown).slice(0, 500)
  } catch {
    return 'something without a text was thrown'
  }
}

/** Whether a failed call to storage or the sender may succeed later, unchanged. */
export function isRetryable(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === true
}
