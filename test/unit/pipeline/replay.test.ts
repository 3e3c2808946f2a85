import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { replayAllowance } from '../../../src/pipeline/replay.ts'

const NOW = 1_700_000_000_000
const allowance = (perSecond: number | null, requeued: number, age: number, steppedAt: number | null = null) =>
  replayAllowance({ replay: { perSecond, requeued, createdAt: NOW - age }, steppedAt, now: NOW, limitMax: 500 })

describe('replayAllowance', () => {
  it('without a rate is a whole page, again at once', () => {
    expect(allowance(null, 10_000, 0)).toEqual({ limit: 500, nextAt: NOW })
  })

  it('begins with one, whatever the rate', () => {
    expect(allowance(0.01, 0, 0)).toEqual({ limit: 1, nextAt: NOW + 100_000 })
    expect(allowance(1, 0, 0)).toEqual({ limit: 1, nextAt: NOW + 1_000 })
    expect(allowance(100_000, 0, 0)).toEqual({ limit: 1, nextAt: NOW + 100 })
  })

  it('covers a tenth of a second at a time', () => {
    expect(allowance(50, 45, 1_000)).toEqual({ limit: 5, nextAt: NOW + 100 })
  })

  it('is nothing before the next step of this process', () => {
    expect(allowance(50, 45, 1_000, NOW - 40)).toEqual({ limit: 0, nextAt: NOW + 60 })
    expect(allowance(50, 45, 1_000, NOW - 100)).toEqual({ limit: 5, nextAt: NOW + 100 })
  })

  it('does not make up for time in which nothing ran', () => {
    expect(allowance(50, 0, 3_600_000).limit).toBe(5)
  })

  it('is nothing while other processes have used the rate up', () => {
    expect(allowance(50, 60, 1_000)).toEqual({ limit: 0, nextAt: NOW + 100 })
  })

  it('stays below a page however high the rate', () => {
    expect(allowance(100_000, 0, 10_000).limit).toBe(500)
  })

  it('goes on when the clock was set back', () => {
    expect(allowance(50, 0, 1_000, NOW + 3_600_000).limit).toBeGreaterThan(0)
    expect(allowance(50, 0, -3_600_000)).toEqual({ limit: 0, nextAt: NOW + 100 })
  })

  it('keeps to the rate over any run of steps, and reaches it', () => {
    const rates = fc.double({ min: 0.1, max: 2_000, noNaN: true })
    fc.assert(
      fc.property(rates, fc.array(fc.nat(300), { minLength: 50, maxLength: 200 }), (perSecond, pauses) => {
        let now = NOW
        let requeued = 0
        let steppedAt: number | null = null
        let asked = 0
        for (const pause of pauses) {
          const { limit, nextAt }: { limit: number; nextAt: number } = replayAllowance({
            replay: { perSecond, requeued, createdAt: NOW },
            steppedAt,
            now,
            limitMax: 500,
          })
          expect(nextAt).toBeGreaterThan(now)
          if (limit > 0) steppedAt = now
          requeued += limit
          asked += 1
          expect(requeued).toBeLessThanOrEqual(((now - NOW) * perSecond) / 1_000 + 1)
          // In this process every step waits for its time, however late the loop comes.
          now = Math.max(now + pause, nextAt)
        }
        expect(requeued).toBeGreaterThan(0)
        expect(asked).toBe(pauses.length)
      }),
      { numRuns: 50 },
    )
  })
})
