import { slice } from '../pipeline/fan-out.ts'
import type { FanOut } from '../ports/storage.ts'
import type { EngineContext } from './context.ts'
import { hostTurn } from './host-turn.ts'
import { type Patiently, patiently } from './resilient-storage.ts'

/** Step 2 for events with many endpoints: any started process writes their deliveries, slice by slice. */

const SLICE_SIZE = 256
const EVENTS_A_ROUND = 16

export class FanOutWorker {
  readonly #context: EngineContext
  readonly #pendingFrom: (dueAt: number) => void
  readonly #open: () => boolean
  readonly #patiently: Patiently

  constructor(context: EngineContext, pendingFrom: (dueAt: number) => void, open: () => boolean) {
    this.#context = context
    this.#pendingFrom = pendingFrom
    this.#open = open
    this.#patiently = patiently(context, open)
  }

  /** Writes slices until no event waits, or until this moment of the monotonic clock. Returns whether some may be left. */
  async pass(until: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    const { clock, storage } = this.#context
    while (this.#open()) {
      const waiting = await this.#patiently(() => storage.pendingFanOuts({ limit: EVENTS_A_ROUND }))
      if (waiting.length === 0) return false
      for (const fanOut of waiting) {
        if (!this.#open()) return true
        await this.#slice(fanOut)
        await hostTurn()
        if (clock.monotonic() >= until) return true
      }
    }
    return true
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
