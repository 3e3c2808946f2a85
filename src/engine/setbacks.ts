import type { Clock } from '../ports/clock.ts'

/** Pieces of work that failed: each waits for itself, so that one that can not be done keeps no other from being done. */

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 60_000
/** So many that wait are asked for beside the others, lest they take the places of a round. */
const PASSED_OVER_MAX = 1_000

export class Setbacks {
  readonly #clock: Clock
  readonly #failed = new Map<string, { waitMs: number; until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many to ask storage for, so that there are so many beside those that wait. */
  limit(aRound: number): number {
    return aRound + Math.min(this.#failed.size, PASSED_OVER_MAX)
  }

  /** Forgets all but those that storage answered with: what has ended, or is canceled, is not waited for. */
  keep(ids: Iterable<string>): void {
    if (this.#failed.size === 0) return
    const known = new Set(ids)
    for (const id of this.#failed.keys()) if (!known.has(id)) this.#failed.delete(id)
  }

  /** How long it is still to wait; 0: it may be tried. */
  waitMs(id: string): number {
    const failed = this.#failed.get(id)
    return failed === undefined ? 0 : Math.max(0, failed.until - this.#clock.monotonic())
  }

  /** It failed: 1 s, and each time in a row twice as long, at most 1 min. Returns how long it is to wait. */
  add(id: string): number {
    const waitMs = Math.min(LONGEST_WAIT_MS, (this.#failed.get(id)?.waitMs ?? FIRST_WAIT_MS / 2) * 2)
    this.#failed.set(id, { waitMs, until: this.#clock.monotonic() + waitMs })
    return waitMs
  }

  /** It succeeded. */
  end(id: string): void {
    this.#failed.delete(id)
  }
}
