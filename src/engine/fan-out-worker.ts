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

  /** Writes slices until no event waits. Returns the number of slices written. */
  async pass(): Promise<number> {
    let written = 0
    while (this.#open()) {
      const waiting = await this.#patiently(() => this.#context.storage.pendingFanOuts({ limit: EVENTS_A_ROUND }))
      if (waiting.length === 0) return written
      for (const fanOut of waiting) {
        if (!this.#open()) return written
        await this.#slice(fanOut)
        written += 1
        await hostTurn()
      }
    }
    return written
  }

  async #slice(fanOut: FanOut): Promise<void> {
    const { storage, clock, endpoints } = this.#context
    const known = await this.#patiently(() => endpoints.at(fanOut.event.tenant, fanOut.endpointsVersion))
    const now = clock.now()
    const part = slice({ fanOut, matched: known.match(fanOut.event.type), size: SLICE_SIZE, now })
    const applied = await this.#patiently(() => storage.insertSlice(part))
    if (applied && part.deliveries.length > 0) this.#pendingFrom(Math.max(now, fanOut.event.deliverAt))
  }
}
