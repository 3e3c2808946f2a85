import type { Clock, Timer } from '../ports/clock.ts'
import { hostTurn } from './host-turn.ts'

/** Lets the loop sleep until a moment, or until it is woken. A wake that comes while it is at work is remembered. */
export class Waker {
  readonly #clock: Clock
  #woken = false
  #wakeAt = Number.POSITIVE_INFINITY
  #resume: (() => void) | null = null
  #timer: Timer | null = null
  #endRest: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#woken = true
    this.#resume?.()
  }

  /** Ends a rest, too. */
  rouse(): void {
    this.wake()
    this.#endRest?.()
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
    await hostTurn()
  }

  /** Sleeps for so long, whatever wakes come. */
  async rest(ms: number): Promise<void> {
    let timer: Timer | null = null
    await new Promise<void>((resolve) => {
      this.#endRest = resolve
      timer = this.#clock.after(ms, resolve)
    })
    ;(timer as Timer | null)?.cancel()
    this.#endRest = null
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#timer = this.#clock.after(Math.max(0, this.#wakeAt - this.#clock.now()), () => this.#resume?.())
  }
}
