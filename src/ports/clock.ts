/** A timer that can be called off. */
export interface Timer {
  cancel(): void
}

/** The only source of time. A manual clock in tests, the system's in production. */
export interface Clock {
  /** Epoch milliseconds. May jump when the machine's clock is set. */
  now(): number
  /** Milliseconds that only ever grow, with fractions; for leases, deadlines and durations. */
  monotonic(): number
  /** Calls `fn` once, `ms` milliseconds from now. Never keeps the process alive by itself. */
  after(ms: number, fn: () => void): Timer
}
