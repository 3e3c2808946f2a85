import { type Clock, isManual, type Timer } from '../ports/clock.ts'

/** Measured again when the last measurement is older than this. */
const MEASURE_EVERY_MS = 30_000
/** With more doubt than this nothing is claimed: a lease of another worker could seem to have ended. */
const DOUBT_MAX_MS = 2_000
/** How far two quartz clocks drift apart at most, as a share of the time that goes by; ten times what they really do. */
const DRIFT = 0.001

interface Measurement {
  /** Storage time less the monotonic clock. */
  offset: number
  /** Half of the round trip: storage looked at its clock at any moment of it. */
  errorMs: number
  /** On the monotonic clock. */
  at: number
  /** The wall clock less the monotonic clock: it changes when the wall clock is set, and when the machine has slept. */
  skew: number
}

/**
 * The time that all who share a storage go by: the monotonic clock of this process, plus an offset that is measured now and then.
 * So a node whose clock is wrong takes no lease that another still holds. For storages without a clock of their own, and for manual
 * clocks, it is the given clock itself.
 */
export class StorageClock implements Clock {
  readonly #base: Clock
  #time: (() => Promise<number>) | null = null
  #last: Measurement | null = null
  #measuring: Promise<void> | null = null

  constructor(base: Clock) {
    this.#base = base
  }

  /** The clock that it was made from. */
  get base(): Clock {
    return this.#base
  }

  /** Whole milliseconds, as they are stored. */
  now(): number {
    return this.#last === null ? this.#base.now() : Math.floor(this.#base.monotonic() + this.#last.offset)
  }

  monotonic(): number {
    return this.#base.monotonic()
  }

  after(ms: number, fn: () => void): Timer {
    return this.#base.after(ms, fn)
  }

  /** Whether storage time is known well enough to judge leases by it. */
  get certain(): boolean {
    return this.#time === null || (this.#last !== null && this.#doubtOf(this.#last) <= DOUBT_MAX_MS)
  }

  /** From now on goes by this clock; resolves once it was read. Rejects with what reading it rejects with. */
  async follow(time: () => Promise<number>): Promise<void> {
    if (isManual(this.#base)) return
    this.#time = time
    await this.#measure(time)
  }

  /** Reads the storage's clock again when that is due; resolves at once when it is not. Rejects like `follow`. */
  async keepUp(): Promise<void> {
    const time = this.#time
    if (time === null || !this.#isStale()) return
    this.#measuring ??= this.#measure(time).finally(() => {
      this.#measuring = null
    })
    await this.#measuring
  }

  #isStale(): boolean {
    const last = this.#last
    return last === null || this.#base.monotonic() - last.at >= MEASURE_EVERY_MS || this.#doubtOf(last) > DOUBT_MAX_MS
  }

  /** A slow answer tells less than a quick one of some time ago: the better one stays. */
  async #measure(time: () => Promise<number>): Promise<void> {
    const sent = this.#base.monotonic()
    const moment = await time()
    const at = this.#base.monotonic()
    const errorMs = (at - sent) / 2
    const measured = { offset: moment - sent - errorMs, errorMs, at, skew: this.#base.now() - at }
    if (this.#last === null || errorMs <= this.#doubtOf(this.#last)) this.#last = measured
    else this.#last = { ...this.#last, errorMs: this.#doubtOf(this.#last), at, skew: measured.skew }
  }

  #doubtOf({ errorMs, at, skew }: Measurement): number {
    const now = this.#base.monotonic()
    return errorMs + (now - at) * DRIFT + Math.abs(this.#base.now() - now - skew)
  }
}
