/** Held is not a state: a held delivery is `pending` in a blocked lane. */
export type DeliveryState = 'pending' | 'leased' | 'delivered' | 'failed' | 'canceled'

/** States in which a delivery rests: nothing more happens to it unless it is replayed. */
export type RestState = 'delivered' | 'failed' | 'canceled'

export const DELIVERY_STATES: readonly DeliveryState[] = Object.freeze([
  'pending',
  'leased',
  'delivered',
  'failed',
  'canceled',
])

/**
 * Why a delivery failed or was canceled.
 *
 * - `attempts_exhausted`: the schedule's last attempt failed.
 * - `retry_refused`: `retry.decide` answered `'fail'`.
 * - `endpoint_gone`: the endpoint answered 410.
 * - `lost_repeatedly`: three attempts in a row were lost; it may be what kills the process.
 * - `hold_expired`: its endpoint was paused or disabled for longer than `hold.maxAgeMs`.
 * - `endpoint_deleted`, `event_canceled`: by a person.
 */
export type DeliveryReason =
  | 'attempts_exhausted'
  | 'retry_refused'
  | 'endpoint_gone'
  | 'lost_repeatedly'
  | 'hold_expired'
  | 'endpoint_deleted'
  | 'event_canceled'

/** One event for one endpoint, as stored. Times are epoch milliseconds. */
export interface DeliveryRecord {
  /** Made by the storage, such as `dlv_…`. */
  id: string
  /** The event that is delivered. */
  eventId: string
  /** The endpoint that it goes to. */
  endpointId: string
  /** Of its event and endpoint. */
  tenant: string
  /** Of its event. */
  type: string
  /** Where it stands. */
  state: DeliveryState
  /** Why it failed or was canceled; `event_canceled` while it is leased: its event was canceled meanwhile. Otherwise null. */
  reason: DeliveryReason | null
  /** 1 for the first schedule; each replay begins another. */
  round: number
  /** Attempts that ended. */
  attemptCount: number
  /** When the next attempt is due; null at rest and while leased. */
  nextAttemptAt: number | null
  /** When it was written: with its event, or by a later slice of the fan-out. */
  createdAt: number
  /** When it came to rest; null until then, and again after a replay requeued it. */
  endedAt: number | null
}

/** A worker's time-limited right to attempt one delivery. */
export interface Lease {
  /** The delivery that may be attempted. */
  deliveryId: string
  /** Its event. */
  eventId: string
  /** Its endpoint. */
  endpointId: string
  /** Its tenant. */
  tenant: string
  /** Fencing token and attempt number in one: each claim adds one. */
  claim: number
  /** Its round: 1 for the first schedule; each replay begins another. */
  round: number
  /** Position in the retry schedule: how many scheduled attempts of this round have ended. */
  step: number
  /** Attempts lost in a row up to now. */
  lost: number
  /** It is the head of its ordering key at this endpoint: when it comes to rest the next one has its turn. */
  ordered: boolean
  /** The `now` of the claim. */
  leasedAt: number
  /** The right ends here. */
  until: number
}
