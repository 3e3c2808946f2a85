import { describe, expect, it } from 'vitest'
import { AttemptEnds } from '../../../src/engine/attempt-ends.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'

function ends() {
  const clock = manualClock()
  const started = clock.monotonic()
  const told: string[] = []
  const made = new AttemptEnds(clock)
  const watch = (name: string, deadlineMs: number) =>
    made.watch(deadlineMs, (by) => told.push(`${name} ${by} ${clock.monotonic() - started}`))
  return { clock, ends: made, told, watch }
}

describe('a deadline', () => {
  it('ends each attempt at its own moment, whatever its length and that of the others', () => {
    const { clock, told, watch } = ends()
    watch('a', 1_000)
    clock.advanceBy(300)
    watch('b', 1_000)
    watch('c', 400)
    clock.advanceBy(10_000)
    expect(told).toEqual(['c deadline 700', 'a deadline 1000', 'b deadline 1300'])
    expect(clock.nextTimerAt()).toBeNull()
  })

  it('is never early, though the timer waits for one that has ended', () => {
    const { clock, told, watch } = ends()
    const first = watch('first', 1_000)
    clock.advanceBy(600)
    watch('second', 1_000)
    first.cancel()
    clock.advanceBy(999)
    expect(told).toEqual([])
    clock.advanceBy(1)
    expect(told).toEqual(['second deadline 1600'])
  })

  it('that was canceled is not told, and keeps no timer', () => {
    const { clock, told, watch } = ends()
    const watches = [watch('a', 1_000), watch('b', 1_000), watch('c', 2_000)]
    for (const one of watches) one.cancel()
    expect(clock.nextTimerAt()).toBeNull()
    watches[0]?.cancel()
    watch('d', 1_000)
    clock.advanceBy(1_000)
    expect(told).toEqual(['d deadline 1000'])
  })

  it('needs one timer for all attempts of its length', () => {
    const clock = manualClock()
    let timers = 0
    const counting = {
      ...clock,
      after: (ms: number, fn: () => void) => {
        timers += 1
        return clock.after(ms, fn)
      },
    }
    const made = new AttemptEnds(counting)
    const watches = Array.from({ length: 100 }, () => made.watch(1_000, () => {}))
    for (const one of watches.slice(0, 99)) one.cancel()
    expect(timers).toBe(1)
  })
})

describe('our shutdown', () => {
  it('ends all at once, each once, and what begins after it', () => {
    const { clock, ends: made, told, watch } = ends()
    watch('a', 1_000)
    watch('b', 2_000).cancel()
    watch('c', 2_000)
    made.shutDown()
    watch('d', 1_000)
    clock.advanceBy(5_000)
    expect(told).toEqual(['a shutdown 0', 'c shutdown 0', 'd shutdown 0'])
    expect(clock.nextTimerAt()).toBeNull()
  })
})
