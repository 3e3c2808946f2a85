import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AttemptRecord, Outcome } from '../../../src/model/attempt.ts'
import type { Lease } from '../../../src/model/delivery.ts'
import type { RetryPolicy } from '../../../src/pipeline/retry.ts'
import { lostAttempt, type SettleInput, settleAttempt } from '../../../src/pipeline/settle.ts'

const NOW = 1_700_000_000_000
const DAY = 24 * 60 * 60 * 1_000
const retry: RetryPolicy = { delaysMs: [5_000, 300_000], jitter: 0.2, retryAfterMaxMs: DAY }
const lease: Lease = {
  deliveryId: 'dlv_1',
  eventId: 'evt_1',
  endpointId: 'ep_1',
  tenant: 'acme',
  claim: 4,
  round: 2,
  step: 0,
  lost: 0,
  ordered: false,
  leasedAt: NOW - 200,
  until: NOW + 30_000,
}
const ended = (outcome: Outcome, more: Partial<AttemptRecord> = {}): AttemptRecord => ({
  number: 4,
  round: 2,
  url: 'https://example.com/',
  startedAt: NOW - 150,
  durationMs: 150,
  outcome,
  status: null,
  requestHeaders: {},
  responseHeaders: {},
  responseBody: null,
  remoteAddress: null,
  timings: null,
  error: null,
  ...more,
})
const settle = (attempt: AttemptRecord, more: Partial<SettleInput> = {}) =>
  settleAttempt({ lease, type: 'invoice.paid', attempt, retry, now: NOW, random: 0.5, ...more })

describe('every settlement', () => {
  it('carries the fence and the record of the attempt', () => {
    const attempt = ended('delivered', { status: 204 })
    expect(settle(attempt)).toEqual({
      settlement: {
        deliveryId: 'dlv_1',
        endpointId: 'ep_1',
        claim: 4,
        attempt,
        next: { state: 'delivered', reason: null, endedAt: NOW },
        observation: { kind: 'success', at: NOW - 150, struggling: false },
        blockLaneUntil: null,
        ordered: false,
      },
    })
    expect(settle(attempt, { lease: { ...lease, ordered: true } }).settlement.ordered).toBe(true)
  })
})

describe('a failure', () => {
  const failures = ['rejected', 'timed_out', 'connection_failed', 'blocked'] as const
  for (const outcome of failures) {
    it(`that is ${outcome} goes on in the schedule and counts against the endpoint`, () => {
      const { settlement } = settle(ended(outcome), { lease: { ...lease, lost: 2 } })
      expect(settlement.next).toEqual({ state: 'pending', dueAt: NOW + 5_000, step: 1, lost: 0 })
      const struggling = outcome === 'timed_out' || outcome === 'connection_failed'
      expect(settlement.observation).toEqual({ kind: 'failure', at: NOW - 150, struggling })
      expect(settlement.blockLaneUntil).toBeNull()
    })
  }

  it('at the end of the schedule is final', () => {
    const { settlement } = settle(ended('rejected', { status: 500 }), { lease: { ...lease, step: 2 } })
    expect(settlement.next).toEqual({ state: 'failed', reason: 'attempts_exhausted', endedAt: NOW })
    expect(settlement.observation).toMatchObject({ kind: 'failure' })
  })

  it('with 410 is final at once', () => {
    const { settlement } = settle(ended('gone', { status: 410 }))
    expect(settlement.next).toEqual({ state: 'failed', reason: 'endpoint_gone', endedAt: NOW })
    expect(settlement.observation).toEqual({ kind: 'failure', at: NOW - 150, struggling: false })
  })

  it('is shown to decide with where it stands', () => {
    const seen: unknown[] = []
    const decide: RetryPolicy['decide'] = (_attempt, context) => {
      seen.push(context)
      return 'fail'
    }
    const { settlement } = settle(ended('rejected'), { retry: { ...retry, decide }, lease: { ...lease, step: 1 } })
    expect(settlement.next).toEqual({ state: 'failed', reason: 'retry_refused', endedAt: NOW })
    expect(seen).toEqual([
      { endpointId: 'ep_1', eventId: 'evt_1', tenant: 'acme', type: 'invoice.paid', step: 1, round: 2 },
    ])
  })

  it('whose decide throws is settled all the same, and that is reported', () => {
    const error = new Error('of the host')
    const decide = () => {
      throw error
    }
    const settled = settle(ended('rejected'), { retry: { ...retry, decide } })
    expect(settled).toEqual({ ...settle(ended('rejected')), decideError: error })
  })
})

describe('our own faults', () => {
  it('an attempt that our shutdown aborted is due again at once, in the same step, and tells nothing of the endpoint', () => {
    const { settlement } = settle(ended('aborted', { status: 503 }), { lease: { ...lease, step: 1, lost: 2 } })
    expect(settlement.next).toEqual({ state: 'pending', dueAt: NOW, step: 1, lost: 0 })
    expect(settlement).toMatchObject({ observation: null, blockLaneUntil: null })
  })

  it('a lost attempt is recorded as such and due again at once, in the same step', () => {
    const attempt = lostAttempt(lease, 'https://example.com/')
    expect(attempt).toEqual(ended('lost', { startedAt: NOW - 200, durationMs: null }))
    const { settlement } = settle(attempt, { lease: { ...lease, step: 1 } })
    expect(settlement.next).toEqual({ state: 'pending', dueAt: NOW, step: 1, lost: 1 })
    expect(settlement).toMatchObject({ claim: 4, observation: null, blockLaneUntil: null })
  })

  it('three attempts lost in a row fail the delivery', () => {
    const lost = (times: number) => settle(ended('lost'), { lease: { ...lease, lost: times } }).settlement.next
    expect(lost(1)).toMatchObject({ state: 'pending', lost: 2 })
    expect(lost(2)).toEqual({ state: 'failed', reason: 'lost_repeatedly', endedAt: NOW })
  })
})

describe('throttling', () => {
  const blocked = (status: number, retryAfter?: string, more: Partial<SettleInput> = {}) => {
    const responseHeaders: Record<string, string> = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
    return settle(ended('rejected', { status, responseHeaders }), more).settlement.blockLaneUntil
  }

  it('429, 502, 503 and 504 rest the lane for the first delay, others do not', () => {
    for (const status of [429, 502, 503, 504]) expect(blocked(status)).toBe(NOW + 5_000)
    for (const status of [400, 401, 404, 408, 500, 501, 505]) expect(blocked(status, '60')).toBeNull()
  })

  it('lasts as long as Retry-After says, up to its cap', () => {
    expect(blocked(429, '3600')).toBe(NOW + 3_600_000)
    expect(blocked(503, new Date(NOW + 90_000).toUTCString())).toBe(NOW + 90_000)
    expect(blocked(429, '999999999')).toBe(NOW + DAY)
    expect(blocked(429, '0')).toBeNull()
    expect(blocked(429, 'soon')).toBe(NOW + 5_000)
  })

  it('lasts no longer than 60 s of its own accord, nor beyond the next attempt', () => {
    const slow = { ...retry, delaysMs: [DAY, 1_000] }
    expect(blocked(503, undefined, { retry: slow })).toBe(NOW + 60_000)
    expect(blocked(503, undefined, { retry: slow, lease: { ...lease, step: 1 } })).toBe(NOW + 1_000)
    expect(blocked(503, undefined, { random: 0 })).toBe(NOW + 4_000)
    expect(blocked(503, undefined, { retry: { ...retry, decide: () => ({ delayMs: 0 }) } })).toBeNull()
  })

  it('holds as well for the last attempt of a delivery, and without a schedule', () => {
    expect(blocked(503, undefined, { lease: { ...lease, step: 2 } })).toBe(NOW + 5_000)
    expect(blocked(503, undefined, { retry: { ...retry, delaysMs: [] } })).toBe(NOW + 60_000)
  })

  it('holds when the body of such an answer never ended', () => {
    const { settlement } = settle(ended('timed_out', { status: 503, responseHeaders: { 'retry-after': '60' } }))
    expect(settlement).toMatchObject({ blockLaneUntil: NOW + 60_000, next: { dueAt: NOW + 60_000 } })
  })
})

describe('whatever happens', () => {
  const outcomes: Outcome[] = [
    'delivered',
    'rejected',
    'gone',
    'timed_out',
    'connection_failed',
    'blocked',
    'aborted',
    'lost',
  ]
  const attempts = fc.record({
    outcome: fc.constantFrom(...outcomes),
    status: fc.option(fc.constantFrom(200, 404, 410, 429, 500, 502, 503, 504)),
    retryAfter: fc.option(fc.nat(200_000)),
  })
  const positions = fc.record({ step: fc.nat(3), lost: fc.nat(2) })
  const answer = fc.constantFrom('default' as const, 'fail' as const, { delayMs: 10 })
  const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
  const given = fc.record({ attempt: attempts, position: positions, answer, random })
  type Given = typeof given extends fc.Arbitrary<infer T> ? T : never
  const settled = ({ attempt: { retryAfter, ...rest }, position, answer, random }: Given) => {
    const responseHeaders: Record<string, string> = retryAfter === null ? {} : { 'retry-after': String(retryAfter) }
    const policy = { ...retry, decide: () => answer }
    const attempt = ended(rest.outcome, { ...rest, responseHeaders })
    return settle(attempt, { lease: { ...lease, ...position }, random, retry: policy }).settlement
  }

  it('only a delivered attempt is a success, and only faults of our own tell nothing of the endpoint', () => {
    fc.assert(
      fc.property(given, (input) => {
        const { next, observation } = settled(input)
        const { outcome } = input.attempt
        expect(next.state === 'delivered').toBe(outcome === 'delivered')
        expect(observation?.kind === 'success').toBe(outcome === 'delivered')
        expect(observation === null).toBe(outcome === 'aborted' || outcome === 'lost')
      }),
    )
  })

  it('nothing is due before now, nor a failure before its Retry-After; a lane rests one day at most', () => {
    fc.assert(
      fc.property(given, (input) => {
        const { next, blockLaneUntil } = settled(input)
        const { outcome, retryAfter } = input.attempt
        const own = outcome === 'aborted' || outcome === 'lost'
        const floor = own ? 0 : Math.min((retryAfter ?? 0) * 1_000, DAY)
        if (next.state === 'pending') expect(next.dueAt).toBeGreaterThanOrEqual(NOW + floor)
        if (blockLaneUntil !== null) {
          expect(blockLaneUntil).toBeGreaterThan(NOW)
          expect(blockLaneUntil).toBeLessThanOrEqual(NOW + DAY)
        }
      }),
    )
  })

  it('a delivery comes to an end: each settlement brings it on by a step or a loss, or starts a row of losses anew', () => {
    fc.assert(
      fc.property(given, (input) => {
        const { next } = settled(input)
        const { outcome } = input.attempt
        const { step, lost } = input.position
        if (next.state !== 'pending') return
        if (outcome === 'lost') expect(next).toMatchObject({ step, lost: lost + 1 })
        else if (outcome === 'aborted') expect(next).toMatchObject({ step, lost: 0 })
        else expect(next).toMatchObject({ step: step + 1, lost: 0 })
        expect(next.step).toBeLessThanOrEqual(Math.max(retry.delaysMs.length, step))
      }),
    )
  })

  it('a delivery at rest says why, unless it was delivered', () => {
    fc.assert(
      fc.property(given, (input) => {
        const { next } = settled(input)
        if (next.state !== 'pending') expect(next.reason === null).toBe(next.state === 'delivered')
      }),
    )
  })
})
