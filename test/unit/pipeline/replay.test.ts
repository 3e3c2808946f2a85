import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { afterStep, type Pace, replayAllowance } from '../../../src/pipeline/replay.ts'

const NOW = 1_700_000_000_000
const LIMIT = 500
const HOUR = 3_600_000
const allowance = (perSecond: number | null, requeued: number, age: number, seen: Pace | null = null) =>
  replayAllowance({ replay: { perSecond, requeued, createdAt: NOW - age }, seen, now: NOW, limitMax: LIMIT })

/** `processes` look at one replay, each when it is told to, for so long. Answers when how many were requeued. */
function run(perSecond: number, processes: number, ms: number, createdAt = NOW): { at: number; limit: number }[] {
  const ticks = Array.from({ length: processes }, (_, index) => ({ at: NOW + index * 7, seen: null as Pace | null }))
  const steps: { at: number; limit: number }[] = []
  let requeued = 0
  for (;;) {
    const tick = ticks.reduce((first, other) => (other.at < first.at ? other : first))
    if (tick.at >= NOW + ms) return steps
    const replay = { perSecond, requeued, createdAt }
    const { limit, nextAt, pace } = replayAllowance({ replay, seen: tick.seen, now: tick.at, limitMax: LIMIT })
    tick.seen = pace
    if (limit > 0) steps.push({ at: tick.at, limit })
    requeued += limit
    const next = limit > 0 && pace !== null ? afterStep(perSecond, pace, requeued, LIMIT) : nextAt
    tick.at = Math.max(tick.at + (limit > 0 ? 0 : 1), next)
  }
}
const sum = (steps: { limit: number }[]) => steps.reduce((total, { limit }) => total + limit, 0)

describe('replayAllowance', () => {
  it('without a rate is a whole page, again at once', () => {
    expect(allowance(null, 10_000, 0)).toEqual({ limit: LIMIT, nextAt: NOW, pace: null })
  })

  it('begins with one, whatever the rate', () => {
    for (const rate of [0.01, 1, 14, 100_000]) expect(allowance(rate, 0, 0).limit).toBe(1)
  })

  it('is a step at a time, and nothing before there is room for one', () => {
    expect(allowance(50, 45, 1_000, { at: NOW - 40, requeued: 45, room: 0 })).toMatchObject({
      limit: 0,
      nextAt: NOW + 60,
    })
    expect(allowance(50, 45, 1_000, { at: NOW - 100, requeued: 45, room: 0 })).toMatchObject({ limit: 5 })
  })

  it('is nothing while other processes have used the rate up', () => {
    expect(allowance(50, 60, 1_000).limit).toBe(0)
    expect(allowance(50, 45, HOUR, { at: NOW - 100, requeued: 40, room: 0 }).limit).toBe(0)
  })

  it('stays below a page however high the rate', () => {
    expect(allowance(100_000, 1, 10_000).limit).toBe(LIMIT)
  })

  it('goes on when the clock was set back', () => {
    expect(allowance(50, 1, HOUR, { at: NOW + HOUR, requeued: 1, room: 5 }).limit).toBe(5)
  })

  it.each([0.5, 10, 14, 24, 99, 1_000, 20_000])('%d a second is what it brings, by one process or more', (rate) => {
    for (const processes of [1, 2, 3]) {
      const brought = sum(run(rate, processes, 60_000))
      expect(brought).toBeLessThanOrEqual(rate * 60 + 1)
      expect(brought).toBeGreaterThanOrEqual(rate * 60 * 0.97 - 1)
    }
  })

  it.each([1, 2, 5])('does not make up for time in which nobody ran: %d processes', (processes) => {
    for (const rate of [1, 10, 14, 250]) {
      const step = Math.ceil(rate / 10)
      expect(sum(run(rate, processes, 10_000, NOW - HOUR))).toBeLessThanOrEqual(rate * 10 + step * processes)
    }
  })

  it('never passes the rate over any time by more than a step', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 2_000, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        (rate, processes) => {
          const steps = run(rate, processes, 5_000, NOW - HOUR)
          const step = Math.ceil(rate / 10)
          const total = sum(steps)
          expect(total).toBeLessThanOrEqual((rate * 5_000) / 1_000 + step * (processes + 1))
        },
      ),
      { numRuns: 40 },
    )
  })
})
