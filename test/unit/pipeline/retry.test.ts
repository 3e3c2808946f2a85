import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AttemptRecord } from '../../../src/model/attempt.ts'
import { type RetryDecide, type RetryInput, type RetryPolicy, scheduleRetry } from '../../../src/pipeline/retry.ts'

/** What a host's plain JavaScript may give for a `RetryDecide`. */
type Untyped = (...told: unknown[]) => unknown

const DAY = 24 * 60 * 60 * 1_000
const NOW = 1_700_000_000_000
const policy: RetryPolicy = { delaysMs: [5_000, 300_000, 1_800_000], jitter: 0.2, retryAfterMaxMs: DAY }

const rejected = (responseHeaders: Record<string, string> = {}): AttemptRecord => ({
  number: 1,
  round: 1,
  url: 'https://example.com/',
  startedAt: NOW - 100,
  durationMs: 100,
  outcome: 'rejected',
  status: 500,
  requestHeaders: {},
  responseHeaders,
  responseBody: null,
  remoteAddress: null,
  timings: null,
  error: null,
})
const context = { endpointId: 'ep_1', eventId: 'evt_1', tenant: 'acme', type: 'invoice.paid', step: 0, round: 1 }
const schedule = (more: Partial<RetryInput> = {}) =>
  scheduleRetry({ policy, step: 0, attempt: rejected(), context, now: NOW, random: 0.5, ...more })
const decided = (decide: Untyped, more: Partial<RetryInput> = {}) =>
  schedule({ policy: { ...policy, decide: decide as RetryDecide }, ...more })

describe('the schedule', () => {
  it('gives each step its delay, then ends', () => {
    expect(schedule()).toEqual({ kind: 'retry', dueAt: NOW + 5_000, step: 1 })
    expect(schedule({ step: 1 })).toEqual({ kind: 'retry', dueAt: NOW + 300_000, step: 2 })
    expect(schedule({ step: 2 })).toEqual({ kind: 'retry', dueAt: NOW + 1_800_000, step: 3 })
    expect(schedule({ step: 3 })).toEqual({ kind: 'fail', reason: 'attempts_exhausted' })
  })

  it('without delays has the one attempt', () => {
    expect(schedule({ policy: { ...policy, delaysMs: [] } })).toEqual({ kind: 'fail', reason: 'attempts_exhausted' })
  })

  it('is spread by the jitter to either side', () => {
    expect(schedule({ random: 0 })).toMatchObject({ dueAt: NOW + 4_000 })
    expect(schedule({ random: 1 - Number.EPSILON })).toMatchObject({ dueAt: NOW + 6_000 })
    expect(schedule({ random: 0, policy: { ...policy, jitter: 0 } })).toMatchObject({ dueAt: NOW + 5_000 })
  })
})

describe('Retry-After', () => {
  const asked = (value: string, more: Partial<RetryInput> = {}) =>
    schedule({ attempt: rejected({ 'retry-after': value }), ...more })

  it('is a floor under the schedule', () => {
    expect(asked('3600')).toMatchObject({ dueAt: NOW + 3_600_000, step: 1 })
    expect(asked('1')).toMatchObject({ dueAt: NOW + 5_000 })
    expect(asked(new Date(NOW + 60_000).toUTCString())).toMatchObject({ dueAt: NOW + 60_000 })
  })

  it('is not undercut by the jitter', () => {
    expect(asked('5', { random: 0 })).toMatchObject({ dueAt: NOW + 5_000 })
    expect(asked('3600', { random: 0 })).toMatchObject({ dueAt: NOW + 3_600_000 })
  })

  it('is obeyed up to its cap, and the schedule beyond it', () => {
    expect(asked('999999999')).toMatchObject({ dueAt: NOW + DAY })
    expect(asked('9'.repeat(400))).toMatchObject({ dueAt: NOW + DAY })
    const capped = { ...policy, retryAfterMaxMs: 1_000 }
    expect(asked('3600', { policy: capped })).toMatchObject({ dueAt: NOW + 5_000 })
  })

  it('does not lengthen the schedule', () => {
    expect(asked('1', { step: 3 })).toEqual({ kind: 'fail', reason: 'attempts_exhausted' })
  })

  it('counts whatever the case of its name', () => {
    expect(schedule({ attempt: rejected({ 'Retry-After': '60' }) })).toMatchObject({ dueAt: NOW + 60_000 })
  })
})

describe('decide', () => {
  it('is told the attempt and where it stands', () => {
    const seen: unknown[] = []
    decided((...told) => {
      seen.push(...told)
      return 'default'
    })
    expect(seen).toEqual([rejected(), context])
  })

  it('may end the delivery, or leave it to the schedule', () => {
    expect(decided(() => 'fail')).toEqual({ kind: 'fail', reason: 'retry_refused' })
    expect(decided(() => 'default')).toEqual(schedule())
  })

  it('may set another delay, which uses up a step and has no jitter', () => {
    const verdict = { kind: 'retry', dueAt: NOW + 7_000, step: 1 }
    expect(decided(() => ({ delayMs: 7_000 }), { random: 0 })).toEqual(verdict)
  })

  it('has its delay bounded to 0 and 30 days', () => {
    expect(decided(() => ({ delayMs: -1 }))).toMatchObject({ dueAt: NOW })
    expect(decided(() => ({ delayMs: 1e300 }))).toMatchObject({ dueAt: NOW + 30 * DAY })
  })

  it('does not get below Retry-After', () => {
    const attempt = rejected({ 'retry-after': '60' })
    expect(decided(() => ({ delayMs: 0 }), { attempt })).toMatchObject({ dueAt: NOW + 60_000 })
  })

  it('is not asked when the schedule is used up', () => {
    const decide = () => {
      throw new Error('asked')
    }
    expect(decided(decide, { step: 3 })).toEqual({ kind: 'fail', reason: 'attempts_exhausted' })
  })

  it('that throws counts as default, and is reported', () => {
    const error = new Error('of the host')
    const decide = () => {
      throw error
    }
    expect(decided(decide)).toEqual({ ...schedule(), decideError: error })
  })

  it('that answers nonsense counts as default, and is reported', () => {
    const nonsense = [undefined, null, 5, 'retry', {}, { delayMs: '5' }, { delayMs: Number.NaN }, { delayMs: Infinity }]
    for (const answer of nonsense) {
      const decideError = expect.objectContaining({ code: 'argument_invalid', path: 'options.retry.decide' })
      expect(decided(() => answer)).toEqual({ ...schedule(), decideError })
    }
  })

  it('that is async by mistake is reported, and its rejection harms nobody', async () => {
    const verdict = decided(() => Promise.reject(new Error('unheard')))
    expect(verdict).toMatchObject({ dueAt: NOW + 5_000, decideError: { code: 'argument_invalid' } })
    // An unhandled rejection, if there is one, surfaces before the next turn and fails the run.
    await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('whatever happens', () => {
  const delay = fc.integer({ min: 0, max: 30 * DAY })
  const answer = fc.oneof(
    fc.constantFrom('default', 'fail', 'nonsense', undefined),
    fc.record({ delayMs: fc.double({ noNaN: true }) }),
  )
  const policies = fc.record({
    delaysMs: fc.array(delay, { maxLength: 12 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
    retryAfterMaxMs: delay,
    answer: fc.option(answer, { nil: null }),
  })
  const seconds = fc.option(fc.nat(10_000_000))
  const random = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
  const built = ({ answer, ...rest }: { answer: unknown } & RetryPolicy): RetryPolicy =>
    answer === null ? rest : { ...rest, decide: ((): unknown => answer) as RetryDecide }
  const told = (after: number | null) => rejected(after === null ? {} : { 'retry-after': String(after) })

  it('no attempt comes early: neither before its time in the schedule, nor before Retry-After', () => {
    fc.assert(
      fc.property(policies, fc.nat(12), seconds, random, (given, step, after, random) => {
        const policy = built(given)
        const verdict = schedule({ policy, step, random, attempt: told(after) })
        if (verdict.kind === 'fail') return
        const floor = Math.min((after ?? 0) * 1_000, policy.retryAfterMaxMs)
        const scheduled = policy.delaysMs[step] ?? Number.NaN
        const wished = typeof given.answer === 'object' && given.answer !== null
        expect(verdict.dueAt).toBeGreaterThanOrEqual(NOW + floor)
        const earliest = wished ? 0 : scheduled * (1 - policy.jitter)
        const latest = wished ? 30 * DAY : scheduled * (1 + policy.jitter)
        expect(verdict.dueAt).toBeGreaterThanOrEqual(NOW + Math.floor(earliest))
        expect(verdict.dueAt).toBeLessThanOrEqual(NOW + Math.max(Math.ceil(latest), floor))
        expect(Number.isSafeInteger(verdict.dueAt)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('a round ends: it has at most one attempt more than the schedule has delays', () => {
    fc.assert(
      fc.property(policies, fc.array(seconds, { minLength: 13, maxLength: 13 }), random, (given, afters, random) => {
        const policy = built(given)
        let step = 0
        let attempts = 0
        for (const after of afters) {
          attempts += 1
          const verdict = schedule({ policy, step, random, attempt: told(after) })
          if (verdict.kind === 'fail') {
            const refused = given.answer === 'fail' && policy.delaysMs.length > 0
            expect(verdict.reason).toBe(refused ? 'retry_refused' : 'attempts_exhausted')
            expect(attempts).toBe(refused ? 1 : policy.delaysMs.length + 1)
            return
          }
          expect(verdict.step).toBe(step + 1)
          step = verdict.step
        }
        throw new Error('the round did not end')
      }),
    )
  })
})
