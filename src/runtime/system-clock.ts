import { performance } from 'node:perf_hooks'
import type { Clock, Timer } from '../ports/clock.ts'

/** What one `setTimeout` can wait, about 24.8 days; beyond it Node fires at once. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** The machine's own time. */
export function systemClock(): Clock {
  return { now: Date.now, monotonic: () => performance.now(), after }
}

function after(ms: number, fn: () => void): Timer {
  let handle: NodeJS.Timeout
  const wait = (left: number): void => {
    const step = Math.min(Math.max(left, 0), LONGEST_TIMEOUT_MS)
    handle = setTimeout(() => (left > step ? wait(left - step) : fn()), step)
  }
  wait(ms)
  return { cancel: () => clearTimeout(handle) }
}
