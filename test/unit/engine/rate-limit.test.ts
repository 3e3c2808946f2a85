import { describe, expect, it } from 'vitest'
import { RateGate } from '../../../src/engine/rate-limit.ts'
import type { ManualClock } from '../../../src/ports/clock.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'

function gate(limit: number, perMs: number) {
  const clock = manualClock()
  let told = 0
  const made = new RateGate({ limit, perMs }, clock, () => (told += 1))
  return { clock, gate: made, told: () => told }
}

/** Takes whatever there is, and asks again when the gate says, as the permits do. Returns the moments of the permits. */
async function drain(made: RateGate, clock: ManualClock, forMs: number, lateMs: number): Promise<number[]> {
  const moments: number[] = []
  while (clock.monotonic() <= forMs) {
    made.room()
    await made.settled()
    for (let room = made.room(); room > 0; room--) {
      made.take()
      moments.push(clock.monotonic())
    }
    await made.settled()
    if (made.room() === 0) clock.advanceBy(Math.max(5, made.nextInMs()) + lateMs)
  }
  return moments
}

describe('a rate gate', () => {
  it('begins with one permit, and says when the next falls due', () => {
    const { gate: made, clock } = gate(2, 1_000)
    expect(made.room()).toBe(1)
    made.take()
    expect(made.room()).toBe(0)
    expect(made.nextInMs()).toBe(500)
    clock.advanceBy(200)
    expect(made.nextInMs()).toBe(300)
  })

  it.each([
    [1, 60_000, 3_600_000, 0],
    [10, 1_000, 20_000, 0],
    [7, 1_000, 20_000, 0],
    [2_000, 1_000, 2_000, 0],
    [2_000, 1_000, 3_000, 60],
  ])(
    'lets %i per %i ms through, within a twentieth, for %i ms, always %i ms late',
    async (limit, perMs, forMs, lateMs) => {
      const { gate: made, clock } = gate(limit, perMs)
      const moments = await drain(made, clock, forMs, lateMs)
      const expected = (forMs / perMs) * limit
      expect(moments.length).toBeGreaterThan(expected * 0.95)
      expect(moments.length).toBeLessThanOrEqual(expected * 1.05 + 1)
      // Not only over all: over any second as well, but for the lateness that is made up for.
      const within = (from: number) => moments.filter((at) => at >= from && at < from + perMs).length
      for (let from = 0; from < forMs - perMs; from += perMs) {
        expect(within(from)).toBeLessThanOrEqual(limit * 1.25 + limit * 0.05 + 1)
      }
    },
  )

  it('saves up no more than 5 % while nobody asks', async () => {
    const { gate: made, clock } = gate(1_000, 1_000)
    clock.advanceBy(3_600_000)
    made.room()
    await made.settled()
    expect(made.room()).toBeLessThanOrEqual(50)
    expect(made.idle).toBe(true)
  })

  it('tells when permits have come in', async () => {
    const { gate: made, clock, told } = gate(10, 1_000)
    made.room()
    made.take()
    clock.advanceBy(100)
    expect(made.room()).toBe(0)
    await made.settled()
    expect({ told: told(), room: made.room() }).toEqual({ told: 1, room: 1 })
  })

  it('gives back what was not used', () => {
    const { gate: made } = gate(1, 1_000)
    made.room()
    made.take()
    made.giveBack()
    expect(made.room()).toBe(1)
  })
})
