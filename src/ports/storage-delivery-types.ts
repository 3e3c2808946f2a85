import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryReason, Lease, RestState } from '../model/delivery.ts'
import type { EndpointHealth, EndpointState } from '../model/endpoint.ts'
import type { EventContent, EventRecord } from '../model/event.ts'

// ─── accept ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A delivery to be written with its event. */
export interface NewDelivery {
  /** Where it goes; the endpoint is one of the event's tenant. */
  endpointId: string
  /** When its first attempt is due. */
  dueAt: number
  /**
   * Wanted: insert it already leased (claim 1) until then, so that it needs no claim. Granted only while the lane is not
   * blocked at `now` and has nothing due; otherwise the delivery is inserted pending.
   */
  leaseUntil: number | null
}

/** One accepted event, to be written with what goes with it. */
export interface NewEvent {
  /** The row to write. */
  event: EventRecord
  /** The id is the caller's own: the same id again is a duplicate. A generated id again is a repeat of this very insert. */
  idGiven: boolean
  /** Of the caller's arguments, without defaults: tells a duplicate from a conflict. Empty where neither id nor key was given. */
  hash: string
  /** When the idempotency key is forgotten; null without a key. */
  idempotencyExpiresAt: number | null
  /** The tenant's endpoint-set version by which `deliveries` was made. */
  endpointsVersion: number
  /** The endpoints that the caller addressed, kept with the event; null: those that match. */
  endpointIds: string[] | null
  /**
   * `inline`: `deliveries` is all there is. `background`: write the event alone, with an empty cursor, and let `insertSlice`
   * bring the deliveries.
   */
  fanOut: 'inline' | 'background'
  /** The rows to write with it; none for `background`. */
  deliveries: NewDelivery[]
}

/**
 * What became of one event, by its `status`:
 *
 * - `inserted`: `leases` are in force for the calling worker; `pending` counts the deliveries left to a claim. Those that wait for
 *   their turn behind another of their ordering key are neither.
 * - `duplicate`: idempotency key or given id seen before, with the same hash, by `eventId`. `deliveries`: of that event; null: not all
 *   are written yet.
 * - `conflict`: the same, with another hash.
 * - `endpoints_changed`: nothing was written; the tenant's endpoint set has another version by now.
 * - `fan_out_waits`: nothing was written; it is to be fanned out `inline`, and the fan-out of an earlier event of its tenant and
 *   ordering key is not over. Offered again as `background` it takes its place behind that one.
 * - `key_waits`: nothing was written; a transaction of the host's that is still open holds its key or given id, or that of another of
 *   the batch. Offered again alone it keeps nobody else waiting for the end of that transaction.
 */
export type InsertResult =
  | { status: 'inserted'; leases: Lease[]; pending: number }
  | { status: 'duplicate'; eventId: string; deliveries: number | null }
  | { status: 'conflict'; eventId: string }
  | { status: 'endpoints_changed' }
  | { status: 'fan_out_waits' }
  | { status: 'key_waits' }

/** What `insertEvents` writes, in one transaction. */
export interface InsertEventsInput {
  /** Storage's time. */
  now: number
  /** Who holds the leases. */
  worker: string
  /** In the order in which they were sent. */
  events: NewEvent[]
}

// ─── accept inside a transaction of the host's ───────────────────────────────────────────────────────────────────────

/** An event to be written within the host's own transaction: its row alone, with an empty cursor, for `insertSlice` to go on. */
export type NewTxEvent = Omit<NewEvent, 'endpointsVersion' | 'fanOut' | 'deliveries'>

/** What `insertEventIn` writes. */
export interface InsertEventInInput {
  /** Storage's time. */
  now: number
  /** The event, and what its key needs. */
  event: NewTxEvent
}

/**
 * What became of an event within the host's transaction, by its `status`: as `InsertResult` has them, with the `eventId` of the one that
 * was there before. A generated id that is there already is a `duplicate`, too.
 */
export type TxInsertResult = { status: 'inserted' } | { status: 'duplicate' | 'conflict'; eventId: string }

// ─── fan-out in slices ───────────────────────────────────────────────────────────────────────────────────────────────

/** An event whose deliveries are still being written. */
export interface FanOut {
  /** What the next slice needs of it. */
  event: Pick<EventRecord, 'id' | 'tenant' | 'type' | 'deliverAt'>
  /** Endpoints created at a later version are excluded. */
  endpointsVersion: number
  /** Only these; null: those that match. */
  endpointIds: string[] | null
  /** Endpoint ids up to and including this one are done; empty at the start. */
  cursor: string
}

/** The next deliveries of an event that is fanned out in the background. */
export interface SliceInput {
  /** Storage's time. */
  now: number
  /** The event that is fanned out. */
  eventId: string
  /** The cursor from which this slice was made: with another one stored, nothing is written. */
  from: string
  /** The cursor after this slice; null: this was the last. */
  to: string | null
  /** Never leased. Those that exist already are left as they are. */
  deliveries: NewDelivery[]
}

// ─── claim ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A lane with something due, in the order in which lanes are to be served. */
export interface DueLane {
  /** The endpoint whose lane it is. */
  endpointId: string
  /** The endpoint's tenant. */
  tenant: string
  /** The endpoint-set version of its tenant: what a cache must have reached. */
  endpointsVersion: number
  /** As the endpoint's health has it. */
  struggling: boolean
}

/** Which lanes `dueLanes` looks for. */
export interface DueLanesInput {
  /** Storage's time: what is due by then. */
  now: number
  /** Lanes to return at most. */
  limit: number
  /** Endpoints without room: skipped. */
  exclude: readonly string[]
}

/** How much of one lane may be leased. */
export interface LaneGrant {
  /** The endpoint whose lane it is. */
  endpointId: string
  /** Deliveries to lease at most. */
  limit: number
  /** When these leases end. */
  leaseUntil: number
}

/** What `claimDue` may lease. */
export interface ClaimInput {
  /** Storage's time: what is due by then. */
  now: number
  /** Who holds the leases. */
  worker: string
  /** In the order in which lanes are to be served. */
  room: LaneGrant[]
  /** Lanes, by `endpointId`, not to be shown again before `until`, unless a settlement in them comes first. */
  defer: { endpointId: string; until: number }[]
}

/** A lease with what its attempt needs. */
export interface ClaimedDelivery {
  /** The right to attempt it. */
  lease: Lease
  /** What is to be sent. */
  event: EventContent
}

/** An expired lease with what its settlement as `lost` needs: `worker` held it, `type` is the event's. */
export type ExpiredLease = Lease & { worker: string; type: string }

// ─── settle ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The decided next `state` of a delivery: to be attempted again at `dueAt`, at this `step` of its schedule and with so many attempts
 * `lost` in a row, or at rest since `endedAt` for this `reason`.
 */
export type NextState =
  | { state: 'pending'; dueAt: number; step: number; lost: number }
  | { state: RestState; reason: DeliveryReason | null; endedAt: number }

/** What an attempt tells about its endpoint. */
export interface Observation {
  /** Success means a status of 200 to 299. */
  kind: 'success' | 'failure'
  /** When the attempt began. */
  at: number
  /** It timed out or did not connect. */
  struggling: boolean
}

/** One ended attempt with all that follows from it, decided already. */
export interface Settlement {
  /** The delivery that was attempted. */
  deliveryId: string
  /** Its endpoint. */
  endpointId: string
  /** The fence: written only while the delivery is leased under this number. */
  claim: number
  /** The row to write. */
  attempt: AttemptRecord
  /** The delivery's next state. */
  next: NextState
  /** Null: it tells nothing of the endpoint. */
  observation: Observation | null
  /** The whole lane rests until then (429 and its kin); null: no change. Never shortens a rest. */
  blockLaneUntil: number | null
  /** As the lease says: at rest, it makes way for the next of its ordering key. */
  ordered: boolean
}

/** What became of one settlement; `Storage.settle` says what each means. */
export type SettleStatus = 'applied' | 'canceled' | 'alreadyApplied' | 'stale'

/** What `settle` answers. */
export interface SettleResult {
  /** In the order of the settlements. */
  statuses: SettleStatus[]
  /** Of each endpoint whose health was written by failures: `endpointId`, and `state`, `urlVersion` and `health` as they are now. */
  health: { endpointId: string; state: EndpointState; urlVersion: number; health: EndpointHealth }[]
  /** When the first of the deliveries whose turn came by this is due; null: there is none. */
  promotedDueAt: number | null
}
