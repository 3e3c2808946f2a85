import { deserialize, serialize } from 'node:v8'
import {
  ArgumentError,
  type ArgumentErrorCode,
  errorCode,
  messageOf,
  WebhookError,
  type WebhookErrorCode,
} from '../../errors.ts'
import type { OperationName } from './operations.ts'

/** What passes between the host's thread and that of the database, and in which form. */

export interface Request {
  id: number
  /** `watch`: tell of what other connections write. */
  name: OperationName | 'open' | 'close' | 'watch' | 'unwatch'
  input: unknown
}

export type Answer = { id: number; value: unknown } | { id: number; error: PlainError } | 'work'

/**
 * One buffer of its own for each message, handed over. Of a body that is a part of something larger, only its own bytes go along, and
 * nothing that either side still holds is detached, as could both happen if objects were posted as they are.
 */
export function packed(message: Request | Answer): Uint8Array<ArrayBuffer> {
  return serialize(message) as Uint8Array<ArrayBuffer>
}

export function unpacked<Message extends Request | Answer>(bytes: Uint8Array): Message {
  return deserialize(bytes)
}

export interface PlainError {
  name: string
  message: string
  stack: string | undefined
  code: string | undefined
  /** Of an `ArgumentError`. */
  path: string | undefined
  retryable: boolean
  cause: PlainError | undefined
}

const CAUSES_MAX = 5

/** A thrown error without its class, which does not pass. */
export function plainError(thrown: unknown, depth = 0): PlainError {
  const error: Error & { path?: unknown; retryable?: unknown } =
    thrown instanceof Error ? thrown : new Error(messageOf(thrown))
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: errorCode(error),
    path: typeof error.path === 'string' ? error.path : undefined,
    retryable: error.retryable === true,
    cause: error.cause === undefined || depth === CAUSES_MAX ? undefined : plainError(error.cause, depth + 1),
  }
}

/** The error as it was thrown in the other thread. */
export function thrownError(plain: PlainError): Error {
  const { name, message, stack, code, path, retryable } = plain
  const cause = plain.cause === undefined ? undefined : thrownError(plain.cause)
  const error = made()
  if (stack !== undefined) error.stack = stack
  return error

  function made(): Error {
    if (name === 'WebhookError') return new WebhookError(code as WebhookErrorCode, message, { cause, retryable })
    if (name === 'ArgumentError' && path !== undefined)
      return new ArgumentError(code as ArgumentErrorCode, path, message.slice(path.length + 2))
    const other = new Error(message, cause === undefined ? undefined : { cause })
    return Object.assign(other, { name }, code === undefined ? {} : { code })
  }
}
