import { describe, expect, it } from 'vitest'
import { attemptLimitsOf, leaseMsOf, permitSubjectOf, retryOf } from '../../../src/engine/effective.ts'
import { patientFor, withRetries } from '../../../src/engine/resilient-storage.ts'
import { ResponseBudget } from '../../../src/engine/response-budget.ts'
import { Waker } from '../../../src/engine/waker.ts'
import { Weather } from '../../../src/engine/weather.ts'
import { WebhookError } from '../../../src/errors.ts'
import { type EndpointRecord, HEALTHY } from '../../../src/model/endpoint.ts'
import { resolveOptions } from '../../../src/options.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { quiet, through } from './rig.ts'

describe('Weather', () => {
  const endpoint = (id: string, struggling = false) => ({ id, health: { ...HEALTHY, struggling } })
  const failure = (struggling: boolean) => ({ kind: 'failure', at: 1, struggling }) as const
  const success = { kind: 'success', at: 1, struggling: false } as const

  it('is what storage remembered until this process saw for itself', () => {
    const weather = new Weather(10, 10)
    expect(weather.isStruggling(endpoint('a', true))).toBe(true)
    weather.observe(endpoint('a', true), success)
    expect(weather.isStruggling(endpoint('a', true))).toBe(false)
    weather.observe(endpoint('b'), failure(true))
    expect(weather.isStruggling(endpoint('b'))).toBe(true)
    weather.observe(endpoint('b'), failure(false))
    expect(weather.isStruggling(endpoint('b'))).toBe(false)
  })

  it('gives one slot at first and after trouble, and one more with each answer', () => {
    const weather = new Weather(10, 4)
    const slots = (...observations: Parameters<Weather['observe']>[1][]) =>
      observations.map((observation) => {
        weather.observe(endpoint('a'), observation)
        return weather.slotsOf(endpoint('a'))
      })
    expect(weather.slotsOf(endpoint('a'))).toBe(1)
    expect(slots(success, success, failure(false), success, success)).toEqual([2, 3, 4, 5, 5])
    expect(slots(failure(true), failure(true), success)).toEqual([1, 1, 2])
  })

  it('forgets the oldest beyond its bound', () => {
    const weather = new Weather(2, 10)
    weather.observe(endpoint('a'), failure(true))
    weather.observe(endpoint('b'), failure(true))
    weather.observe(endpoint('c'), failure(true))
    expect(['a', 'b', 'c'].map((id) => weather.isStruggling(endpoint(id)))).toEqual([false, true, true])
  })
})

describe('Waker', () => {
  const sleeper = () => {
    const clock = manualClock()
    const waker = new Waker(clock)
    const woke: number[] = []
    const until = async (ms: number) => {
      await waker.until(clock.now() + ms)
      woke.push(clock.monotonic())
    }
    return { clock, waker, woke, until }
  }

  it('sleeps until its moment', async () => {
    const { clock, woke, until } = sleeper()
    void until(100)
    clock.advanceBy(99)
    await quiet(3)
    expect(woke).toEqual([])
    clock.advanceBy(1)
    await quiet(3)
    expect(woke).toEqual([100])
    expect(clock.nextTimerAt()).toBeNull()
  })

  it('is woken, be it before it sleeps', async () => {
    const { clock, waker, woke, until } = sleeper()
    void until(100)
    waker.wake()
    await quiet(3)
    waker.wake()
    waker.wake()
    void until(100)
    await quiet(3)
    expect(woke).toEqual([0, 0])
    expect(clock.nextTimerAt()).toBeNull()
  })

  it('one wake is one: the next sleep lasts', async () => {
    const { clock, waker, woke, until } = sleeper()
    waker.wake()
    await until(100)
    void until(100)
    await quiet(3)
    expect(woke).toEqual([0])
    clock.advanceBy(100)
    await quiet(3)
    expect(woke).toEqual([0, 100])
  })

  it('wakes at an earlier moment that is named meanwhile, or before, and for that sleep alone', async () => {
    const { clock, waker, woke, until } = sleeper()
    void until(100)
    waker.wakeAt(clock.now() + 60)
    waker.wakeAt(clock.now() + 40)
    waker.wakeAt(clock.now() + 90)
    clock.advanceBy(40)
    await quiet(3)
    waker.wakeAt(clock.now() + 10)
    void until(100)
    clock.advanceBy(10)
    await quiet(3)
    void until(100)
    clock.advanceBy(99)
    await quiet(3)
    expect(woke).toEqual([40, 50])
    clock.advanceBy(1)
    await quiet(3)
    expect(woke).toEqual([40, 50, 150])
  })
})

describe('withRetries', () => {
  const busy = new WebhookError('storage_busy', 'busy.', { retryable: true })
  const patience = () => ({ clock: manualClock(), random: seededRandom(1) })

  it('calls again while it is worth it, waiting longer each time up to a quarter of a second', async () => {
    const both = patience()
    const at: number[] = []
    const answer = withRetries(
      async () => {
        at.push(both.clock.monotonic())
        if (at.length < 12) throw busy
        return 'done'
      },
      both,
      () => true,
    )
    expect(await through(both.clock, answer)).toBe('done')
    const waits = at.slice(1).map((moment, index) => moment - (at[index] ?? 0))
    for (const [index, wait] of waits.entries()) {
      const most = Math.min(250, 5 * 2 ** index)
      expect(wait).toBeLessThanOrEqual(most)
      expect(wait).toBeGreaterThanOrEqual(most / 2)
    }
  })

  it('does not call again for an error that will stay, nor when nobody waits any more', async () => {
    for (const [error, keep] of [
      [new WebhookError('storage_corrupt', 'broken.'), true],
      [new Error('a bug'), true],
      [busy, false],
    ] as const) {
      let calls = 0
      const call = async () => {
        calls += 1
        throw error
      }
      await expect(withRetries(call, patience(), () => keep)).rejects.toBe(error)
      expect(calls).toBe(1)
    }
  })

  it('is patient for as long as it was told', async () => {
    const both = patience()
    let calls = 0
    const call = async () => {
      calls += 1
      throw busy
    }
    await expect(through(both.clock, withRetries(call, both, patientFor(1_000, both.clock)))).rejects.toBe(busy)
    expect(calls).toBeGreaterThan(5)
    expect(both.clock.monotonic()).toBeGreaterThanOrEqual(1_000)
    expect(both.clock.monotonic()).toBeLessThan(1_500)
  })
})

describe('ResponseBudget', () => {
  const MIB = 1_048_576

  it('keeps so many bytes of an endpoint in an hour', () => {
    const budget = new ResponseBudget()
    expect(budget.keep('a', new Uint8Array(MIB - 10), 0)?.byteLength).toBe(MIB - 10)
    expect(budget.keep('a', new Uint8Array(100), 1)?.byteLength).toBe(10)
    expect(budget.keep('a', new Uint8Array(100), 2)?.byteLength).toBe(0)
    expect(budget.keep('b', new Uint8Array(100), 2)?.byteLength).toBe(100)
    expect(budget.keep('a', new Uint8Array(100), 3_600_000)?.byteLength).toBe(100)
    expect(budget.keep('a', null, 0)).toBeNull()
  })

  it('keeps the account of the 10,000 endpoints that answered last', () => {
    const budget = new ResponseBudget()
    const room = (id: string) => budget.keep(id, new Uint8Array(MIB), 0)?.byteLength
    room('busy')
    room('quiet')
    for (let n = 0; n < 9_999; n++) budget.keep(`ep_${n}`, new Uint8Array(1), 0)
    // That was one more than there is room for: the least lately used one begins anew.
    expect(room('quiet')).toBe(0)
    expect(room('busy')).toBe(MIB)
  })
})

describe('what holds for one endpoint', () => {
  const settings = resolveOptions({ attempt: { deadlineMs: 10_000, connectMs: 4_000 }, lease: { marginMs: 500 } })
  const endpoint = (overrides: EndpointRecord['overrides']) =>
    ({ id: 'ep_1', health: HEALTHY, overrides }) as EndpointRecord

  it('is the sender’s setting where it sets none', () => {
    expect(attemptLimitsOf(endpoint({}), settings)).toEqual({
      deadlineMs: 10_000,
      connectMs: 4_000,
      responseBodyMaxBytes: 16_384,
      successBodyMaxBytes: 1_024,
      responseHeadersMaxBytes: 8_192,
    })
    expect(retryOf(endpoint({}), settings)).toEqual(settings.retry)
    expect(retryOf(undefined, settings)).toEqual(settings.retry)
    expect(leaseMsOf(endpoint({}), settings)).toBe(10_500)
    const limits = { id: 'ep_1', rateLimit: null }
    const weather = new Weather(1, 20)
    expect(permitSubjectOf(endpoint({}), weather, settings)).toEqual({ ...limits, concurrency: 1, struggling: false })
    for (let answers = 0; answers < 20; answers++) {
      weather.observe(endpoint({}), { kind: 'success', at: 1, struggling: false })
    }
    expect(permitSubjectOf(endpoint({}), weather, settings)).toEqual({ ...limits, concurrency: 10, struggling: false })
    weather.observe(endpoint({}), { kind: 'failure', at: 1, struggling: true })
    expect(permitSubjectOf(endpoint({}), weather, settings)).toEqual({ ...limits, concurrency: 1, struggling: true })
  })

  it('is its own, field by field', () => {
    const own = endpoint({
      attempt: { deadlineMs: 2_000, responseBodyMaxBytes: 0 },
      retry: { jitter: 0 },
      concurrency: 1,
      rateLimit: { limit: 1, perMs: 5 },
    })
    // Connecting never outlasts the whole.
    expect(attemptLimitsOf(own, settings)).toMatchObject({
      deadlineMs: 2_000,
      connectMs: 2_000,
      successBodyMaxBytes: 0,
    })
    expect(retryOf(own, settings)).toEqual({ ...settings.retry, jitter: 0 })
    expect(leaseMsOf(own, settings)).toBe(2_500)
    expect(permitSubjectOf(own, new Weather(1, 10), settings)).toMatchObject({
      concurrency: 1,
      rateLimit: { limit: 1, perMs: 5 },
    })
  })
})
