import { errorCode, WebhookError, type WebhookErrorCode } from '../../errors.ts'

interface Failure {
  code: WebhookErrorCode
  retryable: boolean
  advice: string
}

/**
 * By the beginning of the SQLSTATE; the first that fits counts, so the longer ones stand first. `storage_busy` is said only of
 * what surely was not written.
 */
const FAILURES: readonly (readonly [prefix: string, failure: Failure])[] = [
  ['40003', unavailable('Nobody knows whether the transaction was committed: call again.', true)],
  ['40', busy('Another transaction stood in the way: call again.')],
  ['55P03', busy('A row stayed locked for too long: look for long transactions on its tables, then call again.')],
  ['57014', busy('A statement took too long and was ended: look at the load of the server, then call again.')],
  ['25P03', busy('It ended a transaction that this process stood still in: see what stopped it, then call again.')],
  ['25P04', busy('A transaction took too long and was ended: look at the load of the server, then call again.')],
  ['53100', { code: 'storage_full', retryable: true, advice: 'There is no room: free disk space, then call again.' }],
  ['53300', busy('It has no connection left: raise max_connections or make pools smaller, then call again.')],
  ['53', busy('It is out of resources: look at its log, then call again.')],
  ['57P', unavailable('It is shutting down or starting: call again.', true)],
  ['58', unavailable('Its disk or system failed: look at its log, then call again.', true)],
  ['08', unavailable('The connection was lost: call again.', true)],
  ['28', unavailable('It refused the user or password: correct them in the connection string or pool.', false)],
  ['3D000', unavailable('There is no such database: create it, or name another.', false)],
  ['42P01', unavailable('A table of ours is gone: restore it, or open the storage anew.', false)],
  ['25006', readOnly('It takes no writes: connect to the primary, not to a standby.', true)],
  ['42501', readOnly('The user lacks a right: grant what the cause names, see docs/adapters/postgres.md.', false)],
  ['XX00', { code: 'storage_corrupt', retryable: false, advice: 'It is damaged: stop, and restore a backup.' }],
]

/** A failure that the driver told, as what the port promises. Without an SQLSTATE it is a lost connection. */
export function failureOf(error: unknown, where: string): unknown {
  if (error instanceof WebhookError) return error
  const code = errorCode(error)
  // EPIPE is none: each has a digit.
  const isState = code !== undefined && /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
  const failure = isState
    ? FAILURES.find(([prefix]) => code.startsWith(prefix))?.[1]
    : unavailable('It cannot be reached, or the connection was lost: see that it runs, then call again.', true)
  if (failure === undefined) return error
  const message = error instanceof Error ? error.message : String(error)
  return new WebhookError(failure.code, `${where}: ${failure.advice} (${code ?? message})`, {
    cause: error,
    retryable: failure.retryable,
  })
}

function busy(advice: string): Failure {
  return { code: 'storage_busy', retryable: true, advice }
}

function unavailable(advice: string, retryable: boolean): Failure {
  return { code: 'storage_unavailable', retryable, advice }
}

function readOnly(advice: string, retryable: boolean): Failure {
  return { code: 'storage_read_only', retryable, advice }
}
