import type { Lease } from '../model/delivery.ts'
import { lostAttempt, settleAttempt } from '../pipeline/settle.ts'
import type { ExpiredLease } from '../ports/storage.ts'
import type { EngineContext } from './context.ts'
import { retryOf } from './effective.ts'
import { hostTurn } from './host-turn.ts'
import { type Patiently, patiently } from './resilient-storage.ts'
import type { Settler } from './settler.ts'

/** What has to be done now and then: lost attempts, expired holds, retention. Always in bounded slices. */

/** Rows that one transaction touches may lie far apart: these keep it around 10 ms on a disk. */
const SLICE = 100
const SWEEP_EVERY_MS = 60_000

export class Upkeep {
  readonly #context: EngineContext
  readonly #settler: Settler
  readonly #open: () => boolean
  readonly #holds: (lease: Lease) => boolean
  readonly #patiently: Patiently
  #sweptAt = Number.NEGATIVE_INFINITY

  /** `holds`: whether this process attempts under that lease now; it settles those itself. */
  constructor(context: EngineContext, settler: Settler, open: () => boolean, holds: (lease: Lease) => boolean) {
    this.#context = context
    this.#settler = settler
    this.#open = open
    this.#holds = holds
    this.#patiently = patiently(context, open)
  }

  /** Settles expired leases as `lost`: whoever held them is dead, or too late. Returns how many there were. */
  async reclaim(): Promise<number> {
    const { storage, clock, lifecycle } = this.#context
    let reclaimed = 0
    while (this.#open()) {
      const found = await this.#patiently(() => storage.expiredLeases({ now: clock.now(), limit: SLICE }))
      const expired = found.filter((lease) => !this.#holds(lease))
      // One that can not be settled keeps neither the others nor the rest of the loop from going on.
      const settled = await Promise.all(
        expired.map((lease) =>
          this.#lose(lease).then(
            () => 1,
            (error) => {
              lifecycle.fail(error, 'settling a lost attempt')
              return 0
            },
          ),
        ),
      )
      const count = settled.reduce<number>((sum, one) => sum + one, 0)
      reclaimed += count
      if (count === 0 || found.length < SLICE) return reclaimed
    }
    return reclaimed
  }

  async #lose(lease: ExpiredLease): Promise<void> {
    const { clock, random, settings, endpoints } = this.#context
    const known = await this.#patiently(() => endpoints.at(lease.tenant, 0))
    const endpoint = known.get(lease.endpointId)
    const attempt = lostAttempt(lease, endpoint?.url ?? '')
    const retry = retryOf(endpoint, settings)
    const { type } = lease
    const { settlement } = settleAttempt({ lease, type, attempt, retry, now: clock.now(), random: random.float() })
    await this.#settler.settle({ settlement, lease, type, urlVersion: endpoint?.urlVersion ?? 0 })
  }

  /** Deliveries wait to be canceled: the next sweep is not to be waited for. */
  sweepSoon(): void {
    this.#sweptAt = Number.NEGATIVE_INFINITY
  }

  /**
   * Once a minute: cancels what was held too long, removes what retention gives up, lets go of idle rate gates and of the
   * endpoints of quiet tenants. Returns whether some is left, since the moment `until` of the monotonic clock had come: the next call
   * goes on with it.
   */
  async sweep(until: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    const { clock, permits, endpoints } = this.#context
    if (clock.now() - this.#sweptAt < SWEEP_EVERY_MS && clock.now() >= this.#sweptAt) return false
    this.#sweptAt = clock.now()
    permits.sweep()
    endpoints.sweep(clock.monotonic())
    const left = (await this.#cancelHeld(until)) || (await this.#prune(until))
    if (left) this.sweepSoon()
    return left
  }

  async #cancelHeld(until: number): Promise<boolean> {
    const { storage, clock, settings, lifecycle } = this.#context
    while (this.#open()) {
      const now = clock.now()
      const heldBefore = now - settings.hold.maxAgeMs
      const canceled = await this.#patiently(() => storage.cancelHeld({ now, heldBefore, limit: SLICE }))
      lifecycle.canceled(canceled)
      if (canceled.length < SLICE) return false
      await hostTurn()
      if (clock.monotonic() >= until) return true
    }
    return false
  }

  async #prune(until: number): Promise<boolean> {
    const { storage, clock, settings } = this.#context
    while (this.#open()) {
      const now = clock.now()
      const deliveredBefore = now - settings.retention.deliveredMs
      const failedBefore = now - settings.retention.failedMs
      const removed = await this.#patiently(() => storage.prune({ now, deliveredBefore, failedBefore, limit: SLICE }))
      if (removed === 0) return false
      await hostTurn()
      if (clock.monotonic() >= until) return true
    }
    return false
  }
}
