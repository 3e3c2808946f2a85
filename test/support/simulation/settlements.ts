import type { AttemptRecord } from '../../../src/model/attempt.ts'
import type { NextState, Observation, Settlement, SettleResult } from '../../../src/ports/storage.ts'
import type { Ledger } from './ledger.ts'
import { type DeliveryModel, type EndpointModel, type Grant, healthy, type RetrySettings } from './model.ts'
import type { SimProcess } from './process.ts'

/** Attempts as they are written: fenced, contiguous, and followed by what the schedule, the response and the rules say. */

const THROTTLING = [429, 502, 503, 504]
const LOST_MAX = 3

export function settlements(
  ledger: Ledger,
  process: SimProcess,
  { now, settlements }: { now: number; settlements: Settlement[] },
  { statuses }: SettleResult,
): void {
  for (const [index, settlement] of settlements.entries()) {
    const status = statuses[index]
    if (status === 'applied' || status === 'canceled') applied(ledger, process, settlement, now, status === 'canceled')
    else ledger.note(() => `${process.name} settle ${settlement.deliveryId} #${settlement.claim}: ${statuses[index]}`)
  }
}

function applied(ledger: Ledger, process: SimProcess, settlement: Settlement, now: number, canceled: boolean): void {
  const { attempt, next, claim } = settlement
  const delivery = ledger.deliveriesById.get(settlement.deliveryId)
  const grant = delivery?.lease
  if (!delivery || !grant || grant.claim !== claim) {
    ledger.violated('a settlement is fenced', `${settlement.deliveryId} #${claim} by ${process.name}`)
    return
  }
  const told = `${delivery.key} #${claim} by ${process.name}`
  ledger.note(() => `${told}: ${attempt.outcome} ${attempt.status} → ${JSON.stringify(next)}`)
  if (attempt.outcome === 'lost') {
    if (now < grant.until)
      ledger.violated('a lease is not taken away before its end', `${told}, ${grant.until} > ${now}`)
  } else if (grant.process !== process) {
    ledger.violated('a settlement is fenced', `${told}, leased by ${grant.process.name}`)
  }
  if (attempt.number !== delivery.attempts.length + 1) {
    ledger.violated('attempts are contiguous', `${told} is number ${attempt.number} after ${delivery.attempts.length}`)
  }
  if (attempt.round !== delivery.round)
    ledger.violated('no attempt after the end of a round', `${told}: ${attempt.round}`)
  const { number, round, outcome, status } = attempt
  delivery.attempts.push({ number, round, outcome, status })
  assertAnswer(ledger, grant, attempt, told)
  assertNext(ledger, delivery, grant, settlement, told)
  if (canceled !== (delivery.doomed && next.state === 'pending')) {
    ledger.violated('what was under way when its event was canceled is not repeated', `${told}: ${canceled}`)
  }
  if (canceled) ledger.notRepeated += 1
  move(delivery, grant, canceled ? { ...settlement, next: { ...EVENT_CANCELED, endedAt: now } } : settlement)
}

const EVENT_CANCELED = { state: 'canceled', reason: 'event_canceled' } as const

/** The record tells what the receiver did. */
function assertAnswer(ledger: Ledger, grant: Grant, attempt: AttemptRecord, told: string): void {
  const answered = grant.request?.status ?? null
  const meant = { delivered: answered !== null && answered < 300, gone: answered === 410 }
  if (
    attempt.status !== null &&
    (meant.delivered !== (attempt.outcome === 'delivered') || meant.gone !== (attempt.outcome === 'gone'))
  ) {
    ledger.violated('2xx alone is success, and 410 means gone', `${told}: ${answered} is ${attempt.outcome}`)
  }
  switch (attempt.outcome) {
    case 'delivered':
    case 'rejected':
    case 'gone':
      if (answered !== attempt.status) {
        ledger.violated('an attempt tells what the receiver answered', `${told}: ${attempt.status}, not ${answered}`)
      }
      return
    case 'aborted':
      if (!grant.process.stopping) ledger.violated('only a shutdown aborts', told)
      return
    case 'blocked':
      ledger.violated('nothing is blocked here', `${told}: ${attempt.error?.message}`)
  }
}

function assertNext(ledger: Ledger, delivery: DeliveryModel, grant: Grant, settlement: Settlement, told: string): void {
  const { attempt, next } = settlement
  const wrong = () =>
    ledger.violated(
      'what follows an attempt is what its outcome says',
      `${told}: ${attempt.outcome} → ${JSON.stringify(next)}`,
    )
  const reason = next.state === 'pending' ? null : next.reason
  switch (attempt.outcome) {
    case 'delivered':
      if (next.state !== 'delivered') wrong()
      return
    case 'gone':
      if (reason !== 'endpoint_gone') wrong()
      return
    case 'aborted':
      if (next.state !== 'pending') wrong()
      return
    case 'lost':
      if ((reason === 'lost_repeatedly') !== lostInARow(delivery) >= LOST_MAX) wrong()
      return
    default:
      assertSchedule(ledger, delivery, grant, settlement, told)
  }
}

function lostInARow(delivery: DeliveryModel): number {
  const ofRound = delivery.attempts.filter((attempt) => attempt.round === delivery.round)
  const lastOther = ofRound.findLastIndex((attempt) => attempt.outcome !== 'lost')
  return ofRound.length - 1 - lastOther
}

/** One of the schedules that the endpoint ever had must lead to this. */
function assertSchedule(
  ledger: Ledger,
  delivery: DeliveryModel,
  grant: Grant,
  settlement: Settlement,
  told: string,
): void {
  const { attempt, next, blockLaneUntil } = settlement
  const scheduled = delivery.attempts.filter(
    ({ round, outcome }) => round === delivery.round && outcome !== 'lost' && outcome !== 'aborted',
  ).length
  // When the clock was set meanwhile, nobody knows by it when the attempt ended.
  const endedAt = grant.process.machine.jumpedSince(grant.at) ? null : attempt.startedAt + (attempt.durationMs ?? 0)
  const fits = delivery.endpoint.retries.some((retry) => {
    return isScheduled(retry, scheduled, next, endedAt, askedMs(grant, attempt, endedAt))
  })
  if (!fits) {
    const promise = 'the schedule is kept, and Retry-After never undercut'
    ledger.violated(promise, `${told}: attempt ${scheduled} of the round ended ${endedAt} → ${JSON.stringify(next)}`)
  }
  assertThrottle(ledger, delivery, grant, settlement, endedAt, told)
  if (blockLaneUntil !== null && !THROTTLING.includes(attempt.status ?? 0)) {
    ledger.violated('only throttling slows the whole endpoint', `${told}: ${attempt.status}`)
  }
}

function isScheduled(
  retry: RetrySettings,
  scheduled: number,
  next: NextState,
  endedAt: number | null,
  asked: number,
): boolean {
  const delay = retry.delaysMs[scheduled - 1]
  if (delay === undefined) return next.state === 'failed' && next.reason === 'attempts_exhausted'
  if (next.state !== 'pending') return false
  if (endedAt === null) return true
  const floor = Math.min(asked, retry.retryAfterMaxMs)
  const earliest = Math.max(delay * (1 - retry.jitter), floor)
  const latest = Math.max(delay * (1 + retry.jitter), floor)
  // The attempt's end is known to the millisecond.
  return next.dueAt >= endedAt + earliest - 1 && next.dueAt <= endedAt + latest + 2
}

/** What the response asked for, in milliseconds from the attempt's end. */
function askedMs({ request }: Grant, attempt: AttemptRecord, endedAt: number | null): number {
  const asked = attempt.status === null ? null : (request?.retryAfter ?? null)
  if (asked === null) return 0
  return 'seconds' in asked ? asked.seconds * 1_000 : Math.max(0, asked.date - (endedAt ?? asked.date))
}

function assertThrottle(
  ledger: Ledger,
  delivery: DeliveryModel,
  grant: Grant,
  { attempt, blockLaneUntil }: Settlement,
  endedAt: number | null,
  told: string,
): void {
  if (!THROTTLING.includes(attempt.status ?? 0) || endedAt === null) return
  const most = Math.min(...delivery.endpoint.retries.map((retry) => retry.retryAfterMaxMs))
  const asked = Math.min(askedMs(grant, attempt, endedAt), most)
  if (asked > 0 && (blockLaneUntil ?? 0) < endedAt + asked - 1) {
    ledger.violated(
      'a throttled lane rests as long as it was asked to',
      `${told}: ${blockLaneUntil}, asked ${asked} ms`,
    )
  }
}

function move(delivery: DeliveryModel, grant: Grant, { attempt, next, observation, blockLaneUntil }: Settlement): void {
  const { endpoint } = delivery
  grant.ended = attempt.outcome === 'lost' ? 'lost' : 'settled'
  delivery.lease = null
  delivery.doomed = false
  delivery.state = next.state
  delivery.reason = next.state === 'pending' ? null : next.reason
  if (next.state === 'pending') delivery.dueAt = next.dueAt
  if (blockLaneUntil !== null) endpoint.blockedUntil = Math.max(endpoint.blockedUntil, blockLaneUntil)
  if (observation !== null && !endpoint.deleted) observe(endpoint, observation, attempt.url)
}

function observe(endpoint: EndpointModel, { kind, at }: Observation, url: string): void {
  const { health } = endpoint
  if (kind === 'failure') {
    if (at <= health.recoveredAt) return
    health.since = Math.min(health.since ?? at, at)
    health.failures += 1
    health.lastFailureAt = Math.max(health.lastFailureAt, at)
    if (url === endpoint.url) endpoint.failuresAtUrl += 1
  } else if (health.since !== null && at >= health.since) {
    const recoveredAt = Math.max(health.recoveredAt, at)
    const { lastFailureAt } = health
    // How many failures began after the success is not kept: the last did.
    endpoint.health =
      lastFailureAt > at ? { since: lastFailureAt, failures: 1, lastFailureAt, recoveredAt } : healthy(recoveredAt)
  }
}
