import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryReason, DeliveryRecord, Lease, RestState } from '../model/delivery.ts'
import type {
  EndpointHealth,
  EndpointOverrides,
  EndpointRecord,
  EndpointSettings,
  EndpointState,
} from '../model/endpoint.ts'
import type { EventContent, EventRecord, EventSummary } from '../model/event.ts'
import type { Position, ReplayKind, ReplayState, Selection } from '../model/replay.ts'

// ─── accept ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A delivery to be written with its event. */
export interface NewDelivery {
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
  event: EventRecord
  /** The id is the caller's own: the same id again is a duplicate. A generated id again is a repeat of this very insert. */
  idGiven: boolean
  /** Of the caller's arguments, without defaults: tells a duplicate from a conflict. */
  hash: string
  /** When the idempotency key is forgotten; null without a key. */
  idempotencyExpiresAt: number | null
  /** The tenant's endpoint-set version by which `deliveries` was made. */
  endpointsVersion: number
  /** The endpoints that the caller addressed, kept for the slices; null: those that match. */
  endpointIds: string[] | null
  /**
   * `inline`: `deliveries` is all there is. `background`: write the event alone, with an empty cursor, and let `insertSlice`
   * bring the deliveries.
   */
  fanOut: 'inline' | 'background'
  deliveries: NewDelivery[]
}

export type InsertResult =
  /**
   * `leases` are in force for the calling worker; `pending` counts the deliveries left to a claim. Those that wait for their turn
   * behind another of their ordering key are neither.
   */
  | { status: 'inserted'; leases: Lease[]; pending: number }
  /** Idempotency key or given id seen before, with the same hash. */
  | { status: 'duplicate'; eventId: string; deliveries: number | null }
  /** The same, with another hash. */
  | { status: 'conflict'; eventId: string }
  /** Nothing was written: the tenant's endpoint set has another version by now. */
  | { status: 'endpoints_changed' }
  /**
   * Nothing was written: it is to be fanned out `inline`, and the fan-out of an earlier event of its tenant and ordering key is not
   * over. Offered again as `background` it takes its place behind that one.
   */
  | { status: 'fan_out_waits' }
  /**
   * Nothing was written: a transaction of the host's that is still open holds its key or given id, or that of another of the batch.
   * Offered again alone it keeps nobody else waiting for the end of that transaction.
   */
  | { status: 'key_waits' }

export interface InsertEventsInput {
  now: number
  /** Who holds the leases. */
  worker: string
  events: NewEvent[]
}

// ─── accept inside a transaction of the host's ───────────────────────────────────────────────────────────────────────

/** An event to be written within the host's own transaction: its row alone, with an empty cursor, for `insertSlice` to go on. */
export type NewTxEvent = Omit<NewEvent, 'endpointsVersion' | 'fanOut' | 'deliveries'>

export interface InsertEventInInput {
  now: number
  event: NewTxEvent
}

export type TxInsertResult =
  | { status: 'inserted' }
  /** As `InsertResult` has them. A generated id that is there already is a `duplicate`, too. */
  | { status: 'duplicate' | 'conflict'; eventId: string }

// ─── fan-out in slices ───────────────────────────────────────────────────────────────────────────────────────────────

/** An event whose deliveries are still being written. */
export interface FanOut {
  event: Pick<EventRecord, 'id' | 'tenant' | 'type' | 'deliverAt'>
  /** Endpoints created at a later version are excluded. */
  endpointsVersion: number
  /** Only these; null: those that match. */
  endpointIds: string[] | null
  /** Endpoint ids up to and including this one are done; empty at the start. */
  cursor: string
}

export interface SliceInput {
  now: number
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
  endpointId: string
  tenant: string
  /** The endpoint-set version of its tenant: what a cache must have reached. */
  endpointsVersion: number
  struggling: boolean
}

export interface DueLanesInput {
  now: number
  /** Lanes to return at most. */
  limit: number
  /** Endpoints without room: skipped. */
  exclude: readonly string[]
}

export interface LaneGrant {
  endpointId: string
  /** Deliveries to lease at most. */
  limit: number
  leaseUntil: number
}

export interface ClaimInput {
  now: number
  worker: string
  room: LaneGrant[]
  /** Lanes not to be shown again before `until`, unless a settlement in them comes first. */
  defer: { endpointId: string; until: number }[]
}

export interface ClaimedDelivery {
  lease: Lease
  event: EventContent
}

/** An expired lease with what its settlement as `lost` needs: who held it, and the event's type. */
export type ExpiredLease = Lease & { worker: string; type: string }

// ─── settle ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The decided next state of a delivery. */
export type NextState =
  | { state: 'pending'; dueAt: number; step: number; lost: number }
  | { state: RestState; reason: DeliveryReason | null; endedAt: number }

/** What an attempt tells about its endpoint. */
export interface Observation {
  kind: 'success' | 'failure'
  /** When the attempt began. */
  at: number
  struggling: boolean
}

export interface Settlement {
  deliveryId: string
  endpointId: string
  /** The fence: written only while the delivery is leased under this number. */
  claim: number
  attempt: AttemptRecord
  next: NextState
  observation: Observation | null
  /** The whole lane rests until then (429 and its kin); null: no change. Never shortens a rest. */
  blockLaneUntil: number | null
  /** As the lease says: at rest, it makes way for the next of its ordering key. */
  ordered: boolean
}

/** `canceled`: applied, but that its event was canceled meanwhile, and so was the delivery instead of being repeated. */
export type SettleStatus = 'applied' | 'canceled' | 'alreadyApplied' | 'stale'

export interface SettleResult {
  /** In the order of the settlements. */
  statuses: SettleStatus[]
  /** The endpoints whose health was written by failures, as they are now. */
  health: { endpointId: string; state: EndpointState; urlVersion: number; health: EndpointHealth }[]
  /** When the first of the deliveries whose turn came by this is due; null: there is none. */
  promotedDueAt: number | null
}

// ─── endpoints ───────────────────────────────────────────────────────────────────────────────────────────────────────

export interface NewEndpoint extends EndpointSettings {
  id: string
  tenant: string
}

/** The endpoints of a tenant that changed after a version; all of them from version 0. */
export interface EndpointChanges {
  /** The tenant's; of the last change that is told when there are more. */
  version: number
  changed: EndpointRecord[]
  deletedIds: string[]
  /** Later changes were left for another call. */
  more: boolean
}

export interface EndpointUpdate {
  id: string
  tenant: string | null
  /** What is left out stays as it is. */
  settings: Partial<EndpointSettings>
  /** Written only while what is named here equals what is stored; left out: whatever that is. */
  guard?: Partial<Pick<EndpointSettings, 'overrides' | 'secrets'>>
  now: number
}

export interface StateChange {
  id: string
  tenant: string | null
  from: EndpointState[]
  to: EndpointState
  reason: string | null
  now: number
  /** Written only while these are unchanged. */
  guard: { urlVersion: number; recoveredAt: number | null } | null
}

// ─── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface PageInput {
  /** Rows to return at most. */
  limit: number
  /** Rows to look at, at most: a page may be short while it has a `next`. */
  examine: number
  /** Keyset: the row examined last. */
  after: Position | null
}

export interface Page<T> {
  items: T[]
  /** Null: there is nothing more. */
  next: Position | null
}

export interface EndpointQuery extends PageInput {
  tenant: string | null
  states: EndpointState[] | null
  /** Only those whose settings or state changed at or after this moment: by `updatedAt`. Null: all. */
  changedSince: number | null
}

export interface EventQuery extends PageInput {
  tenant: string | null
  type: string | null
  since: number | null
  until: number | null
}

export interface DeliveryQuery extends PageInput {
  selection: Selection
}

export interface CountInput extends Omit<PageInput, 'limit'> {
  selection: Selection
}

export interface Count {
  count: number
  /** Null: there is nothing more to count. */
  next: Position | null
}

export interface AttemptQuery extends PageInput {
  deliveryId: string
}

// ─── a single event ──────────────────────────────────────────────────────────────────────────────────────────────────

/** How far an event has come. */
export interface EventProgress {
  event: EventSummary
  /** The endpoints that the caller addressed; null: those that match. */
  endpointIds: string[] | null
  /** The tenant's endpoint-set version by which it is fanned out: endpoints created at a later one get nothing. */
  endpointsVersion: number
  /** Deliveries are still being written. */
  fanningOut: boolean
  /** Its deliveries by state; `open`: pending or leased. */
  counts: { open: number; delivered: number; failed: number; canceled: number }
}

export interface CancelEventInput {
  id: string
  /** Null: whatever its tenant. */
  tenant: string | null
  now: number
  /** Deliveries to cancel at most. */
  limit: number
}

export interface CanceledEvent {
  event: EventSummary
  /** Those canceled by this call: fewer than `limit` means that none is left. */
  canceled: DeliveryRecord[]
}

// ─── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface ReplayQuery extends PageInput {
  /** Null: over all tenants. */
  tenant: string | null
  states: ReplayState[] | null
}

export interface NewReplay {
  id: string
  kind: ReplayKind
  /** Of a backfill: always with `endpointId`, never with `states` or `ids`. */
  selection: Selection
  perSecond: number | null
  total: number
  now: number
}

export interface ReplayStepInput {
  replayId: string
  now: number
  /** Deliveries to requeue at most. */
  limit: number
  /** Deliveries to look at, at most. */
  examine: number
}

export interface MissedEventsQuery {
  /** Always with `endpointId`; of the rest `tenant`, `eventId`, `type`, `since` and `until` count, over the events. */
  selection: Selection
  /** The event examined last; null: from the first. */
  after: Position | null
  /** Events created later are passed over; null: up to the last that there is now. */
  bound: Position | null
  /** Events to return at most. */
  limit: number
  /** Events to look at, at most. */
  examine: number
}

export interface MissedEvents {
  /** Oldest first. */
  events: MissedEvent[]
  /** Null: there is nothing more up to the bound. */
  next: Position | null
}

export interface MissedEvent {
  id: string
  type: string
  /** The endpoints that the caller addressed; null: those that match. */
  endpointIds: string[] | null
}

export interface BackfillInput {
  replayId: string
  now: number
  /** The cursor from which these were found: with another one stored, nothing is written. */
  from: Position
  /** The cursor after them; null: these were the last. */
  to: Position | null
  /** The events that the endpoint is to have. */
  eventIds: string[]
}

export interface ReplayProgressCounts {
  /** Requeued by this replay and now at rest as `delivered`. */
  delivered: number
  failed: number
  canceled: number
  /** Requeued and not yet at rest. */
  open: number
}

// ─── upkeep ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface CancelHeldInput {
  now: number
  /** Held, and due, since before this moment: canceled as `hold_expired`. Those of deleted endpoints: at once. */
  heldBefore: number
  limit: number
}

export interface PruneInput {
  now: number
  /** Delivered deliveries that ended before this, and events without deliveries created before it. */
  deliveredBefore: number
  /** Failed and canceled deliveries, and replays, that ended before this. */
  failedBefore: number
  /** Rows to remove at most, over all tables. */
  limit: number
}

export interface StorageStats {
  /** When the oldest delivery that may be attempted fell due; null: nothing is due or all is held. */
  oldestDueAt: number | null
  /** Pending, up to `countMax`. */
  pending: number
  /** Pending in blocked lanes, up to `countMax`. */
  held: number
  leased: number
  bytes: number
}

export type { AttemptRecord, DeliveryRecord, EndpointRecord, EventRecord, Lease, Position }
