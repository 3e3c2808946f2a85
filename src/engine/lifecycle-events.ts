import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryReason } from '../model/delivery.ts'
import type { DisableReason } from '../model/endpoint.ts'
import type { ReplayKind } from '../model/replay.ts'

/** Which delivery an event tells of. */
export interface DeliveryNews<Type extends string = string> {
  /** `dlv_…`. */
  deliveryId: string
  /** The event that is delivered. */
  eventId: string
  /** The endpoint that it goes to. */
  endpointId: string
  /** Whose they are. */
  tenant: string
  /** The event's type. */
  type: Type
}

/** Which endpoint an event tells of. */
export interface EndpointNews {
  /** `ep_…`. */
  endpointId: string
  /** Whose it is. */
  tenant: string
}

/** An attempt as `deliveries.attempts` shows it, without the response's body. */
export type AttemptNews = Omit<AttemptRecord, 'responseBody' | 'startedAt'> & {
  /** When it began. */
  startedAt: Date
}

/** What `'attempt'` tells. */
export interface AttemptEnded<Type extends string = string> extends DeliveryNews<Type> {
  /** What was sent, and what came of it. */
  attempt: AttemptNews
  /** When the next one is due; null: the delivery came to rest. */
  nextAttemptAt: Date | null
}

/** What `'delivery.delivered'` tells. */
export interface DeliveryDelivered<Type extends string = string> extends DeliveryNews<Type> {
  /** Made for it by now, over all rounds. */
  attempts: number
}

/** What `'delivery.failed'` tells. */
export interface DeliveryFailed<Type extends string = string> extends DeliveryNews<Type> {
  /** Made for it by now, over all rounds. */
  attempts: number
  /** Why no more are made. */
  reason: DeliveryReason | null
}

/** What `'delivery.canceled'` tells. */
export interface DeliveryCanceled<Type extends string = string> extends DeliveryNews<Type> {
  /** Why. */
  reason: DeliveryReason | null
}

/** What `'endpoint.failing'` tells. */
export interface EndpointFailing extends EndpointNews {
  /** When the first failure since the last success began. */
  failingSince: Date
  /** Failed attempts since then. */
  failures: number
}

/** What `'endpoint.disabled'` tells. */
export interface EndpointDisabled extends EndpointNews {
  /** `gone`: it answered 410; `failing`: by the rule; `decided`: by `disable.decide`. */
  reason: DisableReason
}

/** What `'replay.completed'` tells. */
export interface ReplayCompleted {
  /** `rpl_…`. */
  replayId: string
  /** Which of the two it was. */
  kind: ReplayKind
  /** Deliveries that it has brought: they began another round, or were made by a backfill. */
  requeued: number
  /** Visited, but no longer at rest by then; of a backfill, gone, canceled or had by then. */
  skipped: number
}

/** What `'error'` tells. */
export interface BackgroundFailure {
  /** What was thrown; an `Error` is made of what is none. */
  error: Error
  /** What was being done, in words; for people. */
  context: string
}

/**
 * What `on` tells, by name: in the process that did it, once what it tells of is on stable storage, and at most once. What was
 * committed just before a crash is not told, nor is what another process did. Of one attempt `attempt` comes first, then
 * `delivery.…`, then `endpoint.…`; between deliveries there is no order. `Type` is among which names the types of its events are.
 */
export interface LifecycleEvents<Type extends string = string> {
  /** An attempt ended and was written, whatever its outcome; one that was lost, by whoever found it. */
  attempt: AttemptEnded<Type>
  /** A delivery came to rest as `delivered`: the endpoint answered with a status of 200 to 299. */
  'delivery.delivered': DeliveryDelivered<Type>
  /** A delivery came to rest as `failed`: no further attempt unless it is replayed. */
  'delivery.failed': DeliveryFailed<Type>
  /**
   * A delivery came to rest as `canceled`: held for too long, its endpoint was deleted, or its event canceled. Not told of one whose
   * attempt was about to begin when its event was canceled, and did not.
   */
  'delivery.canceled': DeliveryCanceled<Type>
  /** Half of the way to being disabled is over; once in each run of failures. */
  'endpoint.failing': EndpointFailing
  /** Policy disabled an endpoint: its deliveries are held from now on. Told by the process that did it. */
  'endpoint.disabled': EndpointDisabled
  /**
   * Everything that a replay or a backfill selected was visited; the deliveries that it brought may still be on their way. Told by the
   * process that saw the end.
   */
  'replay.completed': ReplayCompleted
  /** A listener or a function of the host's failed, or work in the background did. Never thrown, even when nobody listens. */
  error: BackgroundFailure
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
