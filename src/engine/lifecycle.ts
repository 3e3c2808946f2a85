import { messageOf } from '../errors.ts'
import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryReason } from '../model/delivery.ts'
import type { DisableReason } from '../model/endpoint.ts'
import type { Logger } from '../ports/logger.ts'

/** What a delivery's events tell of it. */
export interface DeliveryNews<Type extends string = string> {
  deliveryId: string
  eventId: string
  endpointId: string
  tenant: string
  type: Type
}

/** An attempt without the response's body. */
export type AttemptNews = Omit<AttemptRecord, 'responseBody' | 'startedAt'> & { startedAt: Date }

/**
 * Lifecycle events: told in the process that settled, after the commit, at most once. What was committed just before a crash
 * is not told. `Type` is among which names the types of its events are.
 */
export interface LifecycleEvents<Type extends string = string> {
  /** An attempt was written, whatever its outcome. `nextAttemptAt` is null when the delivery came to rest. */
  attempt: DeliveryNews<Type> & { attempt: AttemptNews; nextAttemptAt: Date | null }
  /** `attempts`: made for it by now, over all rounds. */
  'delivery.delivered': DeliveryNews<Type> & { attempts: number }
  'delivery.failed': DeliveryNews<Type> & { attempts: number; reason: DeliveryReason | null }
  'delivery.canceled': DeliveryNews<Type> & { reason: DeliveryReason | null }
  /** Half of the way to being disabled; told once in each run of failures. */
  'endpoint.failing': { endpointId: string; tenant: string; failingSince: Date; failures: number }
  /** By policy; told by the process that disabled it. */
  'endpoint.disabled': { endpointId: string; tenant: string; reason: DisableReason }
  /** Every selected delivery was visited; those requeued may still be on their way. */
  'replay.completed': { replayId: string; requeued: number; skipped: number }
  /** A listener or a host's function threw, or work in the background failed. Never throws unheard. */
  error: { error: Error; context: string }
}

/** The names of the lifecycle events. */
export type LifecycleName = keyof LifecycleEvents

export const LIFECYCLE_NAMES: readonly LifecycleName[] = [
  'attempt',
  'delivery.delivered',
  'delivery.failed',
  'delivery.canceled',
  'endpoint.failing',
  'endpoint.disabled',
  'replay.completed',
  'error',
]

type Listener<K extends LifecycleName> = (payload: LifecycleEvents[K]) => void

export class Lifecycle {
  readonly #listeners = new Map<LifecycleName, Set<Listener<never>>>()
  readonly #logger: Logger | null

  constructor(logger: Logger | null) {
    this.#logger = logger
  }

  on<K extends LifecycleName>(name: K, listener: Listener<K>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    // Wrapped, so that the same function given twice is two subscriptions.
    const entry: Listener<K> = (payload) => listener(payload)
    listeners.add(entry as Listener<never>)
    return () => listeners.delete(entry as Listener<never>)
  }

  heard(name: LifecycleName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0
  }

  emit<K extends LifecycleName>(name: K, payload: LifecycleEvents[K]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])] as Listener<K>[]) {
      try {
        const returned: unknown = listener(payload)
        if (isThenable(returned)) Promise.resolve(returned).catch((error) => this.#listenerFailed(name, error))
      } catch (error) {
        this.#listenerFailed(name, error)
      }
    }
  }

  /** Tells of a failure that no caller waits for. */
  fail(error: unknown, context: string): void {
    const known = error instanceof Error ? error : new Error(messageOf(error))
    this.#logError(known, context)
    this.emit('error', { error: known, context })
  }

  /** Tells the operator what is not a failure yet. */
  warn(warning: string): void {
    this.#log('warn', {}, warning)
  }

  #listenerFailed(name: LifecycleName, error: unknown): void {
    // A listener of 'error' that throws is only logged: telling it again would not end.
    if (name === 'error') this.#logError(error, "a listener of 'error' threw")
    else this.fail(error, `a listener of '${name}' threw`)
  }

  #logError(error: unknown, context: string): void {
    this.#log('error', { err: error, context }, context)
  }

  /** A logger that fails has nobody to be told to, and must not end the host by a rejection that nobody awaits. */
  #log(level: 'warn' | 'error', fields: object, message: string): void {
    try {
      const returned: unknown = this.#logger?.[level](fields, `hookferry: ${message}`)
      if (isThenable(returned)) Promise.resolve(returned).catch(() => {})
    } catch {}
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
