import PQueue from 'p-queue'
import type { RateLimit } from '../model/endpoint.ts'
import type { Clock } from '../ports/clock.ts'
import { RateGate } from './rate-limit.ts'

/**
 * Who may attempt now: permits come before claims, so that a leased delivery never waits in a queue. p-queue counts the
 * attempts under way in all, each slot those of its endpoint; rate gates count permits per time.
 */

/** What of an endpoint the permits depend on. */
export interface PermitSubject {
  id: string
  /** How many may be under way at once, as the weather is. */
  concurrency: number
  rateLimit: RateLimit | null
  /** The last attempt timed out or did not connect. */
  struggling: boolean
}

/** The right to one attempt. Exactly one of the two ends it; a second call does nothing. */
export interface Permit {
  /** The attempt was made. */
  release(): void
  /** No attempt was made: its share of the rate is given back. */
  cancel(): void
}

export interface Room {
  room: number
  /** Milliseconds after which there may be room; null: when a permit of this endpoint is released. */
  retryInMs: number | null
}

interface Slot {
  concurrency: number
  inUse: number
  gate: RateGate | null
  rate: string
  struggling: boolean
}

/** A permit that has not ended. */
interface Taken {
  endpointId: string
  struggling: boolean
  since: number
}

/** The rate of an endpoint that has no limit. */
const NO_RATE = ''

/** Struggling endpoints together get this share of all slots. */
const STRUGGLING_SHARE = 0.25

export class Permits {
  readonly #total: PQueue
  readonly #slots = new Map<string, Slot>()
  /** Oldest first. */
  readonly #taken = new Set<Taken>()
  readonly #clock: Clock
  readonly #slowMs: number
  readonly #strugglingRetryMs: number
  readonly #onRoom: () => void

  /** `slowMs`: an attempt under way for longer counts as struggling. `onRoom`: called whenever a permit comes free. */
  constructor(options: { total: number; slowMs: number; strugglingRetryMs: number; clock: Clock; onRoom: () => void }) {
    this.#total = new PQueue({ concurrency: options.total })
    this.#slowMs = options.slowMs
    this.#strugglingRetryMs = options.strugglingRetryMs
    this.#clock = options.clock
    this.#onRoom = options.onRoom
  }

  get inUse(): number {
    return this.#taken.size
  }

  /** Slots free over all endpoints. */
  get free(): number {
    return Math.max(0, this.#total.concurrency - this.#taken.size)
  }

  /** Endpoints that have attempts under way and no room for more. */
  fullEndpoints(): string[] {
    const full: string[] = []
    for (const [id, slot] of this.#slots) {
      if (slot.inUse === 0) continue
      if (slot.inUse >= slot.concurrency || slot.struggling || this.#isSlow(id)) full.push(id)
    }
    return full
  }

  /** How many attempts may be begun for this endpoint now, the free slots left aside. */
  roomOf(subject: PermitSubject): Room {
    const slot = this.#slot(subject)
    const { inUse } = slot
    if (this.isStruggling(subject)) {
      if (inUse > 0) return { room: 0, retryInMs: null }
      return this.strugglingRoom() === 0 ? { room: 0, retryInMs: this.#strugglingRetryMs } : this.#limited(slot, 1)
    }
    const room = subject.concurrency - inUse
    return room <= 0 ? { room: 0, retryInMs: null } : this.#limited(slot, room)
  }

  /** One slot until it succeeds: its last attempt got no answer, or one under way is slow. */
  isStruggling(subject: PermitSubject): boolean {
    return subject.struggling || this.#isSlow(subject.id)
  }

  /** Slots that struggling endpoints together may still take. */
  strugglingRoom(): number {
    const share = Math.max(1, Math.floor(this.#total.concurrency * STRUGGLING_SHARE))
    return Math.max(0, share - this.#strugglingInUse())
  }

  /** Takes a permit that `roomOf` and `free` have shown to be there. */
  take(subject: PermitSubject): Permit {
    const slot = this.#slot(subject)
    const { gate } = slot
    const taken: Taken = { endpointId: subject.id, struggling: subject.struggling, since: this.#clock.monotonic() }
    let end: () => void = () => {}
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    this.#taken.add(taken)
    slot.inUse += 1
    gate?.take()
    void this.#total.add(() => ended).then(() => this.#ended(subject.id, slot))
    const release = () => {
      if (this.#taken.delete(taken)) end()
    }
    return {
      release,
      cancel: () => {
        if (this.#taken.has(taken)) gate?.giveBack()
        release()
      },
    }
  }

  /** Resolves when every reservation of rate permits that is under way is in hand. */
  async settled(): Promise<void> {
    await Promise.all([...this.#slots.values()].map((slot) => slot.gate?.settled()))
  }

  #limited(slot: Slot, room: number): Room {
    if (slot.gate === null) return { room, retryInMs: null }
    const rated = Math.min(room, slot.gate.room())
    // A reservation takes a few milliseconds even when permits are due.
    return rated > 0 ? { room: rated, retryInMs: null } : { room: 0, retryInMs: Math.max(5, slot.gate.nextInMs()) }
  }

  #slot({ id, concurrency, rateLimit, struggling }: PermitSubject): Slot {
    let slot = this.#slots.get(id)
    if (slot === undefined) {
      slot = { concurrency, inUse: 0, gate: null, rate: NO_RATE, struggling }
      this.#slots.set(id, slot)
    }
    slot.concurrency = concurrency
    slot.struggling = struggling
    const rate = rateLimit === null ? NO_RATE : `${rateLimit.limit}/${rateLimit.perMs}`
    if (slot.rate !== rate) {
      slot.rate = rate
      slot.gate = rateLimit === null ? null : new RateGate(rateLimit, this.#clock, this.#onRoom)
    }
    return slot
  }

  #isSlow(endpointId: string): boolean {
    const now = this.#clock.monotonic()
    for (const taken of this.#taken) {
      if (now - taken.since < this.#slowMs) return false
      if (taken.endpointId === endpointId) return true
    }
    return false
  }

  #strugglingInUse(): number {
    const now = this.#clock.monotonic()
    let count = 0
    for (const { struggling, since } of this.#taken) if (struggling || now - since >= this.#slowMs) count += 1
    return count
  }

  /** Lets go of rate gates that have nothing to remember any more. */
  sweep(): void {
    for (const [endpointId, slot] of this.#slots) this.#letGo(endpointId, slot)
  }

  #ended(endpointId: string, slot: Slot): void {
    slot.inUse -= 1
    if (slot.gate === null) this.#letGo(endpointId, slot)
    this.#onRoom()
  }

  /** What is quiet is let go: memory depends on what is active. */
  #letGo(endpointId: string, slot: Slot): void {
    const quiet = slot.inUse === 0 && (slot.gate === null || slot.gate.idle)
    if (quiet && this.#slots.get(endpointId) === slot) this.#slots.delete(endpointId)
  }
}
