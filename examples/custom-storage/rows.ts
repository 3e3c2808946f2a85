import type {
  AttemptRecord,
  DeliveryReason,
  DeliveryState,
  EndpointHealth,
  EndpointRecord,
  EventSummary,
  ReplayRecord,
} from 'hookferry/storage'

/** What is kept: one row for each tenant, endpoint, lane, event, delivery, attempt, idempotency key and replay. */

export interface TenantRow {
  name: string
  /** Counts the changes of its set of endpoints. */
  version: number
  /** When a delivery of it was last claimed, and which claim of all that was: decides between those of one moment. */
  claimedAt: number
  claimedTurn: number
  /** Its place in the line of tenants; null: none of its lanes will fall due as things are. */
  readyAt: number | null
}

export interface EndpointRow {
  key: number
  /** A tombstone stays, for the deliveries that name it. */
  deleted: boolean
  /** The tenant's version at its last change. */
  version: number
  record: Omit<EndpointRecord, 'health'>
}

/** An endpoint's queue, and its health: what changes often, apart from the settings, which are wide. */
export interface LaneRow {
  endpointId: string
  tenant: string
  deleted: boolean
  /** Since when its endpoint is not active, or deleted; null: it is active. */
  heldSince: number | null
  /** It rests until then, since a settlement said so. */
  blockedUntil: number
  deferredUntil: number
  claimedAt: number
  claimedTurn: number
  health: EndpointHealth
  /** Its place in the line of its tenant's lanes; null: it will not fall due as things are. */
  readyAt: number | null
  /** From then on `cancelHeld` may find something in it; null: it holds nothing. */
  holdAt: number | null
  /** Something is pending in it, with a turn or without. */
  queued: boolean
}

/** Its bytes are kept apart, so that lists do not read them. */
export interface EventRow {
  key: number
  record: EventSummary
  hash: string
  /** By which it is fanned out. */
  endpointsVersion: number
  /** The endpoints that the caller addressed; null: those that match. */
  endpointIds: string[] | null
  /** Endpoints up to this one have their deliveries; null: all have. */
  fanOutCursor: string | null
  /** Another event of its tenant and ordering key is fanned out first. */
  fanOutWaits: boolean
  /** Deliveries that are kept. */
  deliveries: number
}

export interface DeliveryRow {
  key: number
  eventId: string
  endpointId: string
  tenant: string
  type: string
  createdAt: number
  state: DeliveryState
  /** Of a leased one: its event was canceled meanwhile. */
  reason: DeliveryReason | null
  round: number
  step: number
  lost: number
  claim: number
  /** Kept through a lease, so that giving it back restores it; of one that waits for its turn its own time. */
  dueAt: number
  lease: { worker: string; leasedAt: number; until: number } | null
  /** It takes turns under this key; null: with nobody. */
  orderingKey: string | null
  /** Pending behind another of its ordering key. */
  waits: boolean
  endedAt: number | null
  /** The replay that requeued it last. */
  replayId: string | null
  attemptCount: number
}

export interface AttemptRow {
  deliveryKey: number
  /** In base64; null: none was kept. */
  body: string | null
  record: Omit<AttemptRecord, 'responseBody'>
}

export interface IdempotencyRow {
  tenant: string
  idempotencyKey: string
  eventId: string
  hash: string
  expiresAt: number
}

export interface ReplayRow {
  key: number
  record: ReplayRecord
}
