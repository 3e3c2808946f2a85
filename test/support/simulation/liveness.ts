import type { EndpointModel } from './model.ts'
import { isWaiting } from './ordering.ts'
import type { SimProcess } from './process.ts'
import type { World } from './world.ts'

/**
 * A lane with something due is not left idle: while storage is well, and a sender has a free slot, it is served within a bound.
 * So neither a head that fails nor those behind it hold up the other keys of their endpoint, or what has none.
 */
export class Liveness {
  readonly #world: World
  /** Since when each lane has been waiting, on the true monotonic clock. */
  readonly #since = new Map<EndpointModel, number>()
  readonly #boundMs: number
  #lookAt = 0

  constructor(world: World) {
    this.#world = world
    const { pollMs, attempt } = world.plan.options
    // Struggling endpoints share one slot: each may wait until all others have had it for a whole attempt.
    this.#boundMs = (world.plan.endpoints + 2) * (attempt.deadlineMs! + pollMs)
  }

  look(): void {
    const { plan, clock, ledger } = this.#world
    const at = clock.monotonic()
    if (plan.clockJumps || plan.crowd || at < this.#lookAt) return
    this.#lookAt = at + plan.options.pollMs
    if (at < ledger.disturbedUntil + plan.options.pollMs || !this.#world.alive().some((one) => this.#hasRoom(one))) {
      this.#since.clear()
      return
    }
    const wanting = this.#wanting()
    for (const endpoint of this.#since.keys()) if (!wanting.has(endpoint)) this.#since.delete(endpoint)
    for (const [endpoint, key] of wanting) {
      const since = this.#since.get(endpoint) ?? at
      this.#since.set(endpoint, since)
      if (at - since > this.#boundMs) {
        ledger.violated('an idle lane with something due is served', `${key} for ${at - since} ms`)
        return
      }
    }
  }

  #hasRoom({ started, stopping, inFlight }: SimProcess): boolean {
    return started && !stopping && inFlight.size < this.#world.plan.options.concurrency.total!
  }

  /** The idle lanes, each with one of its deliveries that is due. */
  #wanting(): Map<EndpointModel, string> {
    const { ledger, clock } = this.#world
    const now = clock.now()
    const wanting = new Map<EndpointModel, string>()
    const busy = new Set<EndpointModel>()
    for (const delivery of ledger.deliveries.values()) {
      const { endpoint, state, dueAt, key } = delivery
      if (state === 'leased') busy.add(endpoint)
      else if (state === 'pending' && dueAt <= now && !isWaiting(delivery) && isOpen(endpoint, now)) {
        wanting.set(endpoint, key)
      }
    }
    for (const endpoint of busy) wanting.delete(endpoint)
    return wanting
  }
}

/** What has a rate limit may rest for as long as that wants. */
function isOpen({ state, deleted, blockedUntil, rateLimits }: EndpointModel, now: number): boolean {
  return state === 'active' && !deleted && blockedUntil <= now && rateLimits.every((limit) => limit === null)
}
