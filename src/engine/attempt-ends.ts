import type { EndedBy } from '../pipeline/deliver.ts'
import type { Clock, Timer } from '../ports/clock.ts'

/** An attempt under way. */
interface Running {
  /** On the monotonic clock. */
  deadline: number
  end: (by: EndedBy) => void
}

/** Attempts with a deadline of one length end in the order in which they began: one timer, for the first of them, does for all. */
interface SameLength {
  running: Set<Running>
  timer: Timer
}

/** What ends attempts that do not end by themselves: their deadlines, never early, and the shutdown of this process. */
export class AttemptEnds {
  readonly #clock: Clock
  readonly #byLength = new Map<number, SameLength>()
  #shutDown = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `end` is called once, unless the watch is canceled before: at once after a shutdown. */
  watch(deadlineMs: number, end: (by: EndedBy) => void): Timer {
    const running: Running = { deadline: this.#clock.monotonic() + deadlineMs, end }
    if (this.#shutDown) {
      end('shutdown')
      return { cancel: () => {} }
    }
    const known = this.#byLength.get(deadlineMs)
    if (known === undefined) {
      this.#byLength.set(deadlineMs, { running: new Set([running]), timer: this.#timer(deadlineMs, deadlineMs) })
    } else known.running.add(running)
    return { cancel: () => this.#forget(deadlineMs, running) }
  }

  /** Ends all that is under way, and whatever begins later. */
  shutDown(): void {
    this.#shutDown = true
    for (const [length, { running }] of this.#byLength) {
      for (const one of running) {
        this.#forget(length, one)
        one.end('shutdown')
      }
    }
  }

  #timer(length: number, ms: number): Timer {
    return this.#clock.after(ms, () => this.#endLate(length))
  }

  #endLate(length: number): void {
    const same = this.#byLength.get(length)
    if (same === undefined) return
    const now = this.#clock.monotonic()
    for (const one of same.running) {
      if (one.deadline > now) {
        same.timer = this.#timer(length, one.deadline - now)
        return
      }
      this.#forget(length, one)
      one.end('deadline')
    }
  }

  /** A timer that nothing waits for is canceled: it would keep the process alive. */
  #forget(length: number, one: Running): void {
    const same = this.#byLength.get(length)
    if (same === undefined || !same.running.delete(one) || same.running.size > 0) return
    same.timer.cancel()
    this.#byLength.delete(length)
  }
}
