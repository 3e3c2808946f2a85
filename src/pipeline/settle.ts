import { messageOf } from '../errors.ts'
import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryReason, Lease, RestState } from '../model/delivery.ts'
import type { NextState, Observation, Settlement } from '../ports/storage-delivery-types.ts'
import { type RetryPolicy, type RetryVerdict, retryAfterOf, scheduleRetry } from './retry.ts'

/** Step 6: one ended attempt becomes what is written about it: the record, the delivery's next state, the endpoint's weather. */

export interface SettleInput {
  lease: Lease
  /** The event's type, for `retry.decide`. */
  type: string
  attempt: AttemptRecord
  /** The endpoint's policy: the sender's with the endpoint's overrides. */
  retry: RetryPolicy
  /** Epoch milliseconds: the end of the attempt. */
  now: number
  /** Chance for the jitter, in [0, 1). */
  random: number
}

export interface Settled {
  settlement: Settlement
  /** What `retry.decide` threw, or that its answer meant nothing; the schedule was followed. */
  decideError?: unknown
}

/** So many attempts lost in a row fail a delivery: it may be what kills the process. */
const LOST_MAX = 3

/** These tell about the endpoint as a whole (Standard Webhooks 1.0.0), so that its other deliveries wait as well. */
const THROTTLING: readonly number[] = [429, 502, 503, 504]

/** How long a throttling answer without `Retry-After` holds the lane at most. */
const THROTTLE_MAX_MS = 60_000

/** Decides what follows from an attempt that ended, whatever its outcome; a reclaimed lease is settled with its `lostAttempt`. */
export function settleAttempt(input: SettleInput): Settled {
  const { lease, attempt, now } = input
  switch (attempt.outcome) {
    case 'delivered':
      return ended(lease, attempt, rest('delivered', null, now), observed('success', attempt))
    case 'gone':
      return ended(lease, attempt, rest('failed', 'endpoint_gone', now), observed('failure', attempt))
    case 'aborted':
      // Our shutdown is nobody's failure: the same position in the schedule again, at once.
      return ended(lease, attempt, { state: 'pending', dueAt: now, step: lease.step, lost: 0 }, null)
    case 'lost':
      return ended(lease, attempt, afterLoss(lease, now), null)
    case 'rejected':
    case 'timed_out':
    case 'connection_failed':
    case 'blocked':
      return settleFailure(input)
  }
}

/** The record of a lease that ran out: nobody knows what became of its request. `url` is the endpoint's of now. */
export function lostAttempt({ claim, round, leasedAt }: Lease, url: string): AttemptRecord {
  return { ...UNSEEN, number: claim, round, url, startedAt: leasedAt, durationMs: null, outcome: 'lost', error: null }
}

/** Nothing goes out unsigned: the record of an attempt that ended before its request was made. It is repeated on schedule. */
export function unsignedAttempt(
  { claim, round }: Pick<Lease, 'claim' | 'round'>,
  url: string,
  now: number,
  cause: unknown,
): AttemptRecord {
  const error = { phase: null, reason: null, message: `not signed: ${messageOf(cause)}` }
  return { ...UNSEEN, number: claim, round, url, startedAt: now, durationMs: 0, outcome: 'blocked', error }
}

/** Of an attempt whose request nobody saw. */
const UNSEEN = Object.freeze({
  status: null,
  requestHeaders: {},
  responseHeaders: {},
  responseBody: null,
  remoteAddress: null,
  timings: null,
})

/** At once again, since the endpoint may never have seen it; the schedule is left where it was. */
function afterLoss(lease: Lease, now: number): NextState {
  const lost = lease.lost + 1
  if (lost >= LOST_MAX) return rest('failed', 'lost_repeatedly', now)
  return { state: 'pending', dueAt: now, step: lease.step, lost }
}

function settleFailure(input: SettleInput): Settled {
  const { lease, type, attempt, retry, now, random } = input
  const { endpointId, eventId, tenant, step, round } = lease
  const context = { endpointId, eventId, tenant, type, step, round }
  const verdict = scheduleRetry({ policy: retry, step, attempt, context, now, random })
  const next: NextState =
    verdict.kind === 'retry'
      ? { state: 'pending', dueAt: verdict.dueAt, step: verdict.step, lost: 0 }
      : rest('failed', verdict.reason, now)
  const settled = ended(lease, attempt, next, observed('failure', attempt))
  settled.settlement.blockLaneUntil = throttledUntil(attempt, retry, verdict, now)
  return verdict.decideError === undefined ? settled : { ...settled, decideError: verdict.decideError }
}

/**
 * Until when the endpoint's whole lane rests after a throttling answer; null: it does not. As long as `Retry-After` says, else
 * for the schedule's first delay, but not beyond this delivery's own retry.
 */
function throttledUntil(attempt: AttemptRecord, retry: RetryPolicy, verdict: RetryVerdict, now: number): number | null {
  if (attempt.status === null || !THROTTLING.includes(attempt.status)) return null
  const asked = retryAfterOf(attempt, now)
  const own = verdict.kind === 'retry' ? verdict.dueAt - now : THROTTLE_MAX_MS
  const rest =
    asked === null
      ? Math.min(retry.delaysMs[0] ?? THROTTLE_MAX_MS, own, THROTTLE_MAX_MS)
      : Math.min(asked, retry.retryAfterMaxMs)
  return rest > 0 ? Math.ceil(now + rest) : null
}

function ended(lease: Lease, attempt: AttemptRecord, next: NextState, observation: Observation | null): Settled {
  const { deliveryId, endpointId, claim, ordered } = lease
  return { settlement: { deliveryId, endpointId, claim, attempt, next, observation, blockLaneUntil: null, ordered } }
}

function rest(state: RestState, reason: DeliveryReason | null, now: number): NextState {
  return { state, reason, endedAt: now }
}

/** An endpoint that does not answer in time holds its slot for the whole deadline; one that refuses at once does not. */
function observed(kind: Observation['kind'], attempt: AttemptRecord): Observation {
  const struggling = attempt.outcome === 'timed_out' || attempt.outcome === 'connection_failed'
  return { kind, at: attempt.startedAt, struggling }
}
