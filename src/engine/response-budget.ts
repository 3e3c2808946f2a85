/** Bytes of response bodies kept per endpoint and hour: an endpoint that answers with novels shall not fill the database. */
const BYTES_PER_HOUR = 1024 * 1024
const HOUR_MS = 3_600_000
/** Of so many endpoints the account is kept, the latest that answered. */
const ENDPOINTS_MAX = 10_000

export class ResponseBudget {
  #hour = 0
  readonly #spent = new Map<string, number>()

  /** The part of a body that is kept; null when there was none. */
  keep(endpointId: string, body: Uint8Array | null, now: number): Uint8Array | null {
    if (body === null) return null
    const hour = Math.floor(now / HOUR_MS)
    if (hour !== this.#hour) {
      this.#hour = hour
      this.#spent.clear()
    }
    const spent = this.#spent.get(endpointId) ?? 0
    const kept = body.subarray(0, Math.max(0, BYTES_PER_HOUR - spent))
    if (kept.byteLength > 0 || spent > 0) this.#note(endpointId, spent + kept.byteLength)
    return kept
  }

  #note(endpointId: string, spent: number): void {
    // Taken out and put back, the one that answered last is the youngest.
    this.#spent.delete(endpointId)
    this.#spent.set(endpointId, spent)
    if (this.#spent.size <= ENDPOINTS_MAX) return
    const [oldest] = this.#spent.keys()
    this.#spent.delete(oldest as string)
  }
}
