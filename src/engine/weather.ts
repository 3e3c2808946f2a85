import type { EndpointRecord } from '../model/endpoint.ts'
import type { Observation } from '../ports/storage.ts'

/**
 * Which endpoints are in bad weather: their last attempt timed out or did not connect. What this process saw itself counts
 * first; else what storage remembered when the endpoint was loaded.
 */
export class Weather {
  readonly #seen = new Map<string, boolean>()
  readonly #max: number

  /** Remembers at most `max` endpoints, the latest seen. */
  constructor(max: number) {
    this.#max = max
  }

  isStruggling(endpoint: Pick<EndpointRecord, 'id' | 'health'>): boolean {
    return this.#seen.get(endpoint.id) ?? endpoint.health.struggling
  }

  observe(endpoint: Pick<EndpointRecord, 'id' | 'health'>, observation: Observation): void {
    const struggling = observation.kind === 'failure' && observation.struggling
    // An endpoint that is as it was loaded needs no memory.
    if (struggling === endpoint.health.struggling && !this.#seen.has(endpoint.id)) return
    this.#seen.delete(endpoint.id)
    this.#seen.set(endpoint.id, struggling)
    if (this.#seen.size <= this.#max) return
    for (const [oldest] of this.#seen) {
      this.#seen.delete(oldest)
      break
    }
  }
}
