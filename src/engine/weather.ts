import type { EndpointRecord } from '../model/endpoint.ts'
import type { Observation } from '../ports/storage.ts'

type Subject = Pick<EndpointRecord, 'id' | 'health'>

/**
 * Which endpoints answer, and how much they are trusted for it. One whose last attempt timed out or did not connect struggles; what
 * this process saw itself counts first, else what storage remembered. Each begins with one slot, after a start and after trouble, and
 * each answer in a row adds one: so those that hang hold a slot each before anybody knows of it, and those that answer have all of
 * theirs after a few round trips.
 */
export class Weather {
  /** Answers in a row, up to the most that matters; 0: the last attempt got none. */
  readonly #answers = new Map<string, number>()
  readonly #max: number
  readonly #slotsMax: number

  /** Remembers at most `max` endpoints, the latest changed. `slotsMax`: no endpoint can use more slots than that. */
  constructor(max: number, slotsMax: number) {
    this.#max = max
    this.#slotsMax = slotsMax
  }

  isStruggling({ id, health }: Subject): boolean {
    const answers = this.#answers.get(id)
    return answers === undefined ? health.struggling : answers === 0
  }

  /** How many attempts may be under way at once, its own limit left aside. */
  slotsOf({ id }: Pick<EndpointRecord, 'id'>): number {
    return 1 + (this.#answers.get(id) ?? 0)
  }

  observe({ id }: Pick<EndpointRecord, 'id'>, observation: Observation): void {
    const before = this.#answers.get(id)
    const answers = observation.struggling ? 0 : Math.min((before ?? 0) + 1, this.#slotsMax)
    if (answers === before) return
    this.#answers.delete(id)
    this.#answers.set(id, answers)
    if (this.#answers.size <= this.#max) return
    for (const oldest of this.#answers.keys()) {
      this.#answers.delete(oldest)
      break
    }
  }
}
