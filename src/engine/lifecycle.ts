import { messageOf } from '../errors.ts'
import type { DeliveryRecord } from '../model/delivery.ts'
import { isThenable } from '../pipeline/thenable.ts'
import type { Logger } from '../ports/logger.ts'
import type { LifecycleEvents, LifecycleName } from './lifecycle-events.ts'
import { Log, type Note } from './log.ts'

type Listener<K extends LifecycleName> = (payload: LifecycleEvents[K]) => void

export class Lifecycle {
  readonly #listeners = new Map<LifecycleName, Set<Listener<never>>>()
  readonly #log: Log

  constructor(logger: Logger | null) {
    this.#log = new Log(logger)
  }

  on<K extends LifecycleName>(name: K, listener: Listener<K>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    // Wrapped, so that the same function given twice is two subscriptions.
    const entry: Listener<K> = (payload) => listener(payload)
    listeners.add(entry as Listener<never>)
    return () => listeners.delete(entry as Listener<never>)
  }

  /** Whether anybody hears of it: asked before a payload is made for each attempt. */
  wants(name: LifecycleName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0 || this.#log.writes(name)
  }

  emit<K extends LifecycleName>(name: K, payload: LifecycleEvents[K]): void {
    this.#log.event(name, payload)
    const listeners = this.#listeners.get(name) ?? new Set()
    for (const listener of [...listeners] as Listener<K>[]) {
      // Ended by one that was told before it.
      if (!listeners.has(listener as Listener<never>)) continue
      try {
        const returned: unknown = listener(payload)
        if (isThenable(returned)) Promise.resolve(returned).catch((error) => this.#listenerFailed(name, error))
      } catch (error) {
        this.#listenerFailed(name, error)
      }
    }
  }

  /** Tells of deliveries that were canceled while they waited. */
  canceled(deliveries: readonly DeliveryRecord[]): void {
    for (const { id, eventId, endpointId, tenant, type, reason } of deliveries) {
      this.emit('delivery.canceled', { deliveryId: id, eventId, endpointId, tenant, type, reason })
    }
  }

  /** Tells of a failure that no caller waits for. */
  fail(error: unknown, context: string): void {
    const known = error instanceof Error ? error : new Error(messageOf(error))
    this.#log.error(known, context)
    this.emit('error', { error: known, context })
  }

  /** Tells the logger what a caller did. */
  note(note: Note, fields: object): void {
    this.#log.note(note, fields)
  }

  /** Tells the operator what is not a failure yet. */
  warn(warning: string): void {
    this.#log.warning(warning)
  }

  #listenerFailed(name: LifecycleName, error: unknown): void {
    // A listener of 'error' that throws is only logged: telling it again would not end.
    if (name === 'error') this.#log.error(error, "a listener of 'error' threw")
    else this.fail(error, `a listener of '${name}' threw`)
  }
}
