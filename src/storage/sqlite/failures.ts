import { errorCode, WebhookError, type WebhookErrorCode } from '../../errors.ts'

interface Failure {
  code: WebhookErrorCode
  retryable: boolean
  advice: string
}

/** By the beginning of SQLite's code; the first that fits counts, so the longer ones stand first. */
const FAILURES: readonly (readonly [prefix: string, failure: Failure])[] = [
  ['SQLITE_BUSY', busy('Another connection is writing to it: call again.')],
  ['SQLITE_LOCKED', busy('Another connection is writing to it: call again.')],
  ['SQLITE_PROTOCOL', busy('Other connections are opening it: call again.')],
  ['SQLITE_FULL', full()],
  ['SQLITE_IOERR_WRITE', full()],
  ['SQLITE_IOERR_TRUNCATE', full()],
  ['SQLITE_IOERR_SHMSIZE', full()],
  ['SQLITE_IOERR', unavailable('The disk failed: look at the system log, then call again.', true)],
  [
    'SQLITE_READONLY',
    {
      code: 'storage_read_only',
      retryable: false,
      advice: 'Give this process the right to write to the file and to its folder.',
    },
  ],
  ['SQLITE_CORRUPT', corrupt('It is damaged: stop, keep a copy, and restore a backup.')],
  ['SQLITE_NOTADB', corrupt('It is not an SQLite database: give another path, or restore a backup.')],
  ['SQLITE_CANTOPEN', unavailable('It cannot be opened: see that its folder exists and may be written to.', false)],
]

/** Turns what SQLite threw into what the port promises; anything else is a bug and stays what it is. */
export function failureOf(error: unknown, path: string): unknown {
  const code = errorCode(error)
  if (error instanceof WebhookError || code === undefined) return error
  const failure = FAILURES.find(([prefix]) => code.startsWith(prefix))?.[1]
  if (failure === undefined) return error
  return new WebhookError(failure.code, `SQLite file ${path}: ${failure.advice} (${code})`, {
    cause: error,
    retryable: failure.retryable,
  })
}

function busy(advice: string): Failure {
  return { code: 'storage_busy', retryable: true, advice }
}

function full(): Failure {
  return { code: 'storage_full', retryable: true, advice: 'There is no room for it: free disk space, then call again.' }
}

function corrupt(advice: string): Failure {
  return { code: 'storage_corrupt', retryable: false, advice }
}

function unavailable(advice: string, retryable: boolean): Failure {
  return { code: 'storage_unavailable', retryable, advice }
}
