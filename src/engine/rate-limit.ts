import Bottleneck from 'bottleneck'
import type { RateLimit } from '../model/endpoint.ts'
import type { Clock } from '../ports/clock.ts'

/** Permits saved up while nothing is sent: 5 % of the limit, at most what a second brings, at least one. */
const BURST_SHARE = 0.05
/** Under a standing demand this much lateness of the event loop is made up for, or a busy host would fall short of its limits. */
const LATENESS_MS = 250

/**
 * The rate limit of one endpoint in this process. Bottleneck keeps the account; permits are reserved from it in batches, by
 * weight, ahead of need, since one job of its own costs a timer of two milliseconds. Our clock says how many are due, so that
 * the limit also holds in virtual time and does not drift with Bottleneck's 250 ms heartbeat.
 */
export class RateGate {
  readonly #clock: Clock
  readonly #onRoom: () => void
  readonly #limiter: Bottleneck
  readonly #perPermitMs: number
  readonly #burst: number
  #inHand: number
  /** The moment up to which permits have been credited, in monotonic time. */
  #creditedUntil: number
  #reserving: Promise<void> | null = null
  /** When a permit was last asked for in vain, in monotonic time. */
  #deniedAt = Number.NEGATIVE_INFINITY

  constructor(limit: RateLimit, clock: Clock, onRoom: () => void) {
    this.#clock = clock
    this.#onRoom = onRoom
    this.#perPermitMs = limit.perMs / limit.limit
    this.#burst = Math.max(1, Math.floor(Math.min(limit.limit * BURST_SHARE, 1_000 / this.#perPermitMs)))
    this.#inHand = 1
    this.#creditedUntil = clock.monotonic()
    this.#limiter = new Bottleneck({ reservoir: 0 })
  }

  /** Permits that can be used now. Reserves what has become due since. */
  room(): number {
    this.#reserve()
    if (this.#inHand === 0) this.#deniedAt = this.#clock.monotonic()
    return this.#inHand
  }

  take(): void {
    this.#inHand -= 1
    this.#reserve()
  }

  /** A permit that was taken but not used. */
  giveBack(): void {
    this.#inHand += 1
  }

  /** When the next permit falls due, in milliseconds from now. */
  nextInMs(): number {
    if (this.#reserving !== null) return 0
    return Math.max(0, this.#creditedUntil + this.#perPermitMs - this.#clock.monotonic())
  }

  /** Resolves when what was reserved is in hand. */
  async settled(): Promise<void> {
    await this.#reserving
  }

  /** A gate that is full and still has lost nothing when it is let go. */
  get idle(): boolean {
    this.#reserve()
    return this.#reserving === null && this.#inHand >= this.#burst
  }

  #reserve(): void {
    if (this.#reserving !== null) return
    const now = this.#clock.monotonic()
    const perPermit = this.#perPermitMs
    const wanted = now - this.#deniedAt <= LATENESS_MS + 2 * perPermit
    const most = wanted ? Math.max(this.#burst, Math.floor(LATENESS_MS / perPermit)) : this.#burst
    const missing = Math.max(0, most - this.#inHand)
    // More than a whole permit beyond what may be saved up is forgone. Otherwise the fraction that has run up is kept, or a
    // steady load would fall short of its limit.
    if (now - this.#creditedUntil >= (missing + 1) * perPermit) this.#creditedUntil = now - missing * perPermit
    const due = Math.min(Math.floor((now - this.#creditedUntil) / perPermit), missing)
    if (due <= 0) return
    this.#creditedUntil += due * perPermit
    this.#reserving = this.#fetch(due)
  }

  async #fetch(permits: number): Promise<void> {
    await this.#limiter.incrementReservoir(permits)
    await this.#limiter.schedule({ weight: permits }, async () => {})
    this.#inHand += permits
    this.#reserving = null
    this.#onRoom()
  }
}
