import type { Clock, Timer } from '../ports/clock.ts'

/** Lets the loop sleep until a moment, or until it is woken. A wake that comes while it is at work is remembered. */
export class Waker {
  readonly #clock: Clock
  #woken = false
  #wakeAt = Number.POSITIVE_INFINITY
  #resume: (() => void) | null = null
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#woken = true
    this.#resume?.()
  }

  /** Not to sleep beyond this moment. */
  wakeAt(moment: number): void {
    if (moment >= this.#wakeAt) return
    this.#wakeAt = moment
    if (this.#resume !== null) this.#arm()
  }

  async until(moment: number): Promise<void> {
    this.#wakeAt = Math.min(this.#wakeAt, moment)
    if (!this.#woken) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve
        this.#arm()
      })
    }
    this.#timer?.cancel()
    this.#timer = null
    this.#resume = null
    this.#woken = false
    this.#wakeAt = Number.POSITIVE_INFINITY
    // All wakes of one turn of the event loop are one.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(Math.max(0, this.#wakeAt - this.#clock.now()), () => this.#resume?.())
  }
}
