import { describe, expect, it } from 'vitest'
import { StorageClock } from '../../../src/engine/storage-clock.ts'
import type { Clock } from '../../../src/ports/clock.ts'
import { manualClock } from '../../../src/testing/manual-clock.ts'

const START = 1_700_000_000_000

/** A machine's clock that can be set, beside a server that keeps its own time and answers after so long. */
function machine(ahead = 0) {
  const state = { mono: 5_000, ahead, server: START, tripMs: 2, asked: 0 }
  const base: Clock = {
    now: () => START + state.mono - 5_000 + state.ahead,
    monotonic: () => state.mono,
    after: () => ({ cancel: () => {} }),
  }
  const pass = (ms: number) => {
    state.mono += ms
    state.server += ms
  }
  const time = async () => {
    state.asked++
    pass(state.tripMs / 2)
    const told = state.server
    pass(state.tripMs / 2)
    return told
  }
  return { state, base, pass, time }
}

describe('the clock that follows storage', () => {
  it('is the machine’s own until there is something to follow, and for good where there is nothing', () => {
    const { base } = machine(20_000)
    const clock = new StorageClock(base)
    expect(clock.now()).toBe(START + 20_000)
    expect(clock.certain).toBe(true)
  })

  it('tells storage time on a machine that is 20 s ahead, and goes on with the monotonic clock', async () => {
    const { base, time, pass, state } = machine(20_000)
    const clock = new StorageClock(base)
    await clock.follow(time)
    expect(Math.abs(clock.now() - state.server)).toBeLessThanOrEqual(1)
    pass(10_000)
    expect(Math.abs(clock.now() - state.server)).toBeLessThanOrEqual(1)
    expect(clock.monotonic()).toBe(state.mono)
  })

  it('leaves a manual clock as it is: tests move it', async () => {
    const base = manualClock(START)
    const clock = new StorageClock(base)
    await clock.follow(async () => START + 99_999)
    expect(clock.now()).toBe(START)
    expect(clock.base).toBe(base)
  })

  it('reads again after 30 s, and not before', async () => {
    const { base, time, pass, state } = machine()
    const clock = new StorageClock(base)
    await clock.follow(time)
    pass(29_000)
    await clock.keepUp()
    expect(state.asked).toBe(1)
    pass(1_000)
    await Promise.all([clock.keepUp(), clock.keepUp()])
    expect(state.asked).toBe(2)
  })

  it('follows a server whose clock was set', async () => {
    const { base, time, pass, state } = machine()
    const clock = new StorageClock(base)
    await clock.follow(time)
    state.server += 7_000
    pass(30_000)
    await clock.keepUp()
    expect(Math.abs(clock.now() - state.server)).toBeLessThanOrEqual(2)
  })

  it.each([
    ['set forward', 5_000],
    ['set back', -5_000],
  ])('doubts itself once the machine was %s, until storage was asked', async (_, by) => {
    const { base, time, state } = machine()
    const clock = new StorageClock(base)
    await clock.follow(time)
    expect(clock.certain).toBe(true)
    state.ahead += by
    expect(clock.certain).toBe(false)
    await clock.keepUp()
    expect(clock.certain).toBe(true)
    expect(Math.abs(clock.now() - state.server)).toBeLessThanOrEqual(2)
  })

  it('doubts itself when storage answers too slowly, and prefers what a quick answer told before', async () => {
    const { base, time, pass, state } = machine()
    const slow = new StorageClock(base)
    state.tripMs = 6_000
    await slow.follow(time)
    expect(slow.certain).toBe(false)
    state.tripMs = 2
    await slow.keepUp()
    expect(slow.certain).toBe(true)

    pass(30_000)
    state.tripMs = 3_000
    // What takes so long may have looked at its clock at any moment of it.
    const late = async () => (await time()) + 1_400
    await slow.follow(late)
    expect(Math.abs(slow.now() - state.server)).toBeLessThanOrEqual(40)
    expect(slow.certain).toBe(true)
  })

  it('doubts itself when storage could not be asked for an hour', async () => {
    const { base, time, pass } = machine()
    const clock = new StorageClock(base)
    await clock.follow(time)
    pass(30 * 60_000)
    expect(clock.certain).toBe(true)
    pass(30 * 60_000)
    expect(clock.certain).toBe(false)
  })

  it('tells whole milliseconds', async () => {
    const { base, time, pass } = machine()
    const clock = new StorageClock(base)
    await clock.follow(time)
    pass(0.3)
    expect(clock.now()).toBe(Math.floor(clock.now()))
  })

  it('passes on what asking rejects with, and asks anew the next time', async () => {
    const { base, time, state } = machine()
    const clock = new StorageClock(base)
    let down = true
    const broken = async () => {
      if (down) throw new Error('down')
      return time()
    }
    await expect(clock.follow(broken)).rejects.toThrow('down')
    expect(clock.certain).toBe(false)
    await expect(clock.keepUp()).rejects.toThrow('down')
    down = false
    await clock.keepUp()
    expect(clock.certain).toBe(true)
    expect(state.asked).toBe(1)
  })
})
