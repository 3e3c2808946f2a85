import pRetry from 'p-retry'
import { isRetryable } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'

/** Short retries of storage calls (busy, connection lost). Never retries of deliveries: storage schedules those. */

export interface Patience {
  clock: Clock
  random: Random
}

const FIRST_WAIT_MS = 5
const LONGEST_WAIT_MS = 250

/**
 * Calls again while storage answers with a retryable error and `keepTrying` agrees; each wait is twice the last, spread by
 * half, at most 250 ms. The waiting is done on our clock, so that it also runs in virtual time.
 */
export function withRetries<T>(
  call: () => Promise<T>,
  { clock, random }: Patience,
  keepTrying: (error: unknown) => boolean,
): Promise<T> {
  return pRetry(call, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 0,
    maxTimeout: 0,
    onFailedAttempt: async ({ error, attemptNumber }) => {
      if (!isRetryable(error) || !keepTrying(error)) return
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attemptNumber - 1))
      await sleep(clock, wait * (0.5 + random.float() / 2))
    },
    shouldRetry: ({ error }) => isRetryable(error) && keepTrying(error),
  })
}

export type Patiently = <T>(call: () => Promise<T>) => Promise<T>

/** `withRetries` for one part of the engine: all its calls are repeated for as long as `keepTrying` agrees. */
export function patiently(patience: Patience, keepTrying: () => boolean): Patiently {
  return (call) => withRetries(call, patience, keepTrying)
}

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}

/** Keep trying until `ms` have gone by on the monotonic clock. */
export function patientFor(ms: number, clock: Clock): () => boolean {
  const until = clock.monotonic() + ms
  return () => clock.monotonic() < until
}
