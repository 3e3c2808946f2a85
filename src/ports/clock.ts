/** A timer that can be called off. */
export interface Timer {
  /** The timer will not fire; one that has fired is left alone. */
  cancel(): void
}

/** The only source of time. A manual clock in tests, the system's in production. */
export interface Clock {
  /** Epoch milliseconds. May jump when the machine's clock is set. */
  now(): number
  /** Milliseconds that only ever grow, with fractions; for leases, deadlines and durations. */
  monotonic(): number
  /** Calls `fn` once, `ms` milliseconds from now. A system's timer keeps the process alive until then. */
  after(ms: number, fn: () => void): Timer
}

/** A clock that stands still until it is moved, for tests. */
export interface ManualClock extends Clock {
  /** Moves on to that moment, epoch milliseconds, firing the timers on the way in their order. Never back. */
  advanceTo(moment: number): void
  /** Moves on by so many milliseconds. */
  advanceBy(ms: number): void
  /** When the next timer fires, epoch milliseconds; null: there is none. */
  nextTimerAt(): number | null
}

export function isManual(clock: Clock): clock is ManualClock {
  return 'advanceTo' in clock && 'nextTimerAt' in clock
}
