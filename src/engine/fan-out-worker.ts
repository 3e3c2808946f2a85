import { slice } from '../pipeline/fan-out.ts'
import type { FanOut } from '../ports/storage.ts'
import type { EngineContext } from './context.ts'
import { hostTurn } from './host-turn.ts'
import { type Patiently, patiently } from './resilient-storage.ts'
import { Setbacks } from './setbacks.ts'

/** Step 2 for events with many endpoints: any started process writes their deliveries, slice by slice. */

const SLICE_SIZE = 256
const EVENTS_A_ROUND = 16

export class FanOutWorker {
  readonly #context: EngineContext
  readonly #pendingFrom: (dueAt: number) => void
  readonly #open: () => boolean
  readonly #patiently: Patiently
  readonly #setbacks: Setbacks

  constructor(context: EngineContext, pendingFrom: (dueAt: number) => void, open: () => boolean) {
    this.#context = context
    this.#pendingFrom = pendingFrom
    this.#open = open
    this.#patiently = patiently(context, open)
    this.#setbacks = new Setbacks(context.clock)
  }

  /**
   * Writes slices until no event waits, or until this moment of the monotonic clock. Returns when to come again; null: no event
   * waits.
   */
  async pass(until: number = Number.POSITIVE_INFINITY): Promise<number | null> {
    const { clock, storage } = this.#context
    while (this.#open()) {
      const limit = this.#setbacks.limit(EVENTS_A_ROUND)
      const waiting = await this.#patiently(() => storage.pendingFanOuts({ limit }))
      this.#setbacks.keep(waiting.map(({ event }) => event.id))
      if (waiting.length === 0) return null
      let next = Number.POSITIVE_INFINITY
      for (const fanOut of waiting) {
        const waitMs = this.#setbacks.waitMs(fanOut.event.id) || (await this.#try(fanOut))
        next = Math.min(next, clock.now() + waitMs)
        if (!this.#open()) return null
        if (clock.monotonic() >= until) return clock.now()
      }
      if (next > clock.now()) return next
    }
    return null
  }

  /** One that can not be fanned out keeps neither the others nor the rest of the loop from going on. Returns how long it is to wait. */
  async #try(fanOut: FanOut): Promise<number> {
    const { id } = fanOut.event
    try {
      await this.#slice(fanOut)
      this.#setbacks.end(id)
      return 0
    } catch (error) {
      if (!this.#open()) throw error
      this.#context.lifecycle.fail(error, 'fanning out an event')
      return this.#setbacks.add(id)
    } finally {
      await hostTurn()
    }
  }

  async #slice(fanOut: FanOut): Promise<void> {
    const { storage, clock, endpoints } = this.#context
    const known = await this.#patiently(() => endpoints.at(fanOut.event.tenant, fanOut.endpointsVersion))
    const now = clock.now()
    const { event, endpointIds } = fanOut
    const matched = endpointIds === null ? known.match(event.type) : known.among(endpointIds)
    const part = slice({ fanOut, matched, size: SLICE_SIZE, now })
    const applied = await this.#patiently(() => storage.insertSlice(part))
    if (applied && part.deliveries.length > 0) this.#pendingFrom(Math.max(now, fanOut.event.deliverAt))
  }
}
