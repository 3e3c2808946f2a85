import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { systemRandom } from '../../../src/runtime/system-random.ts'

const DAY_MS = 86_400_000

describe('systemClock', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('calls once, when the time has come', () => {
    const fn = vi.fn()
    systemClock().after(100, fn)
    vi.advanceTimersByTime(99)
    expect(fn).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1_000)
    expect(fn).toHaveBeenCalledTimes(1)
  })

  it('waits longer than setTimeout can', () => {
    const fn = vi.fn()
    systemClock().after(60 * DAY_MS, fn)
    vi.advanceTimersByTime(60 * DAY_MS - 1)
    expect(fn).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(fn).toHaveBeenCalledTimes(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('can be called off, also late in a long wait', () => {
    const fn = vi.fn()
    const timer = systemClock().after(60 * DAY_MS, fn)
    vi.advanceTimersByTime(50 * DAY_MS)
    timer.cancel()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(50 * DAY_MS)
    expect(fn).not.toHaveBeenCalled()
  })

  it('takes a time that has passed for now', () => {
    const fn = vi.fn()
    systemClock().after(-5, fn)
    vi.advanceTimersByTime(1)
    expect(fn).toHaveBeenCalledTimes(1)
  })
})

describe('systemClock on real timers', () => {
  it('keeps the process alive until its timer is canceled, and only ever grows', () => {
    const clock = systemClock()
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const timer = clock.after(10_000, () => {})
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before + 1)
    timer.cancel()
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before)
    const [earlier, now, later] = [Date.now(), clock.now(), Date.now()]
    expect([earlier, now, later]).toEqual([earlier, now, later].sort((a, b) => a - b))
    const first = clock.monotonic()
    expect(clock.monotonic()).toBeGreaterThanOrEqual(first)
  })
})

describe('systemRandom', () => {
  it('gives numbers in [0, 1) and bytes of the length asked for', () => {
    const random = systemRandom()
    for (let count = 0; count < 1_000; count += 1) {
      const number = random.float()
      expect(number >= 0 && number < 1).toBe(true)
    }
    expect(random.bytes(0)).toHaveLength(0)
    expect(random.bytes(32)).toHaveLength(32)
    expect(random.bytes(32)).not.toEqual(random.bytes(32))
  })
})
