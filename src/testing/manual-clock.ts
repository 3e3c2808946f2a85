import type { ManualClock } from '../ports/clock.ts'

interface Entry {
  at: number
  order: number
  fn: () => void
}

/** A clock that stands still until it is moved. `start`: epoch milliseconds, default 2026-01-01T00:00:00Z. */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  const timers = new Set<Entry>()
  let now = start
  let made = 0
  const next = (): Entry | undefined => {
    let first: Entry | undefined
    for (const timer of timers) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer
    }
    return first
  }
  const advanceTo = (moment: number): void => {
    for (let timer = next(); timer !== undefined && timer.at <= moment; timer = next()) {
      timers.delete(timer)
      now = Math.max(now, timer.at)
      timer.fn()
    }
    now = Math.max(now, moment)
  }
  return {
    // Timers may be due between two milliseconds; a wall clock shows whole ones, and so they are stored.
    now: () => Math.floor(now),
    monotonic: () => now - start,
    after(ms, fn) {
      const timer = { at: now + Math.max(0, ms), order: made++, fn }
      timers.add(timer)
      return { cancel: () => timers.delete(timer) }
    },
    advanceTo,
    advanceBy: (ms) => advanceTo(now + ms),
    nextTimerAt: () => next()?.at ?? null,
  }
}
