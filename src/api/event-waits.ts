import type { Lifecycle } from '../engine/lifecycle.ts'
import { Alarm } from './waiting.ts'

/**
 * Those who wait for the end of an event: woken when what they last saw open has come to rest in this process, and looking now and
 * then for what comes to rest in others.
 */

/** However many wait, all of them together look at storage once in so long. */
const MS_A_LOOK = 10

export class EventWaits {
  readonly #lifecycle: Lifecycle
  readonly #waits = new Map<string, Set<EventWait>>()
  #count = 0
  #endHearing: (() => void) | null = null

  constructor(lifecycle: Lifecycle) {
    this.#lifecycle = lifecycle
  }

  /** How long each of them sleeps between two looks at least, unless it is woken. */
  get leastMs(): number {
    return this.#count * MS_A_LOOK
  }

  begin(eventId: string): EventWait {
    const wait = new EventWait()
    const ofEvent = this.#waits.get(eventId) ?? new Set()
    this.#waits.set(eventId, ofEvent.add(wait))
    this.#count += 1
    this.#endHearing ??= this.#hear()
    return wait
  }

  end(eventId: string, wait: EventWait): void {
    const ofEvent = this.#waits.get(eventId)
    if (!ofEvent?.delete(wait)) return
    this.#count -= 1
    if (ofEvent.size === 0) this.#waits.delete(eventId)
    if (this.#count > 0) return
    this.#endHearing?.()
    this.#endHearing = null
  }

  #hear(): () => void {
    const onRest = ({ eventId }: { eventId: string }) => {
      for (const wait of this.#waits.get(eventId) ?? []) wait.rested()
    }
    const names = ['delivery.delivered', 'delivery.failed', 'delivery.canceled'] as const
    const ends = names.map((name) => this.#lifecycle.on(name, onRest))
    return () => {
      for (const end of ends) end()
    }
  }
}

/** One of them, and how many deliveries it waits for. */
export class EventWait {
  readonly alarm = new Alarm()
  #open = Number.POSITIVE_INFINITY
  #rested = 0

  /** What comes to rest from now on may or may not be part of what is going to be seen. */
  looks(): void {
    this.#open = Number.POSITIVE_INFINITY
    this.#rested = 0
  }

  saw(open: number): void {
    this.#open = open
    this.#ringIfDone()
  }

  rested(): void {
    this.#rested += 1
    this.#ringIfDone()
  }

  #ringIfDone(): void {
    if (this.#rested >= this.#open) this.alarm.ring()
  }
}
