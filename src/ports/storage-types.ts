import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryRecord, Lease } from '../model/delivery.ts'
import type { EndpointRecord, EndpointSettings, EndpointState } from '../model/endpoint.ts'
import type { EventRecord, EventSummary } from '../model/event.ts'
import type { Position, ReplayKind, ReplayState, Selection } from '../model/replay.ts'

// ─── endpoints ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** An endpoint to be written: active and healthy. */
export interface NewEndpoint extends EndpointSettings {
  /** `ep_…`, made by the engine. */
  id: string
  /** Whose it is. */
  tenant: string
}

/** The endpoints of a tenant that changed after a version; all of them from version 0. */
export interface EndpointChanges {
  /** The tenant's; of the last change that is told when there are more. */
  version: number
  /** As they are now. */
  changed: EndpointRecord[]
  /** Those that are gone. */
  deletedIds: string[]
  /** Later changes were left for another call. */
  more: boolean
}

/** A change of an endpoint's settings. */
export interface EndpointUpdate {
  /** Which endpoint. */
  id: string
  /** Null: whatever its tenant. */
  tenant: string | null
  /** What is left out stays as it is. */
  settings: Partial<EndpointSettings>
  /** Written only while what is named here equals what is stored; left out: whatever that is. */
  guard?: Partial<Pick<EndpointSettings, 'overrides' | 'secrets'>>
  /** Storage's time: its `updatedAt`. */
  now: number
}

/** A guarded change of an endpoint's state. */
export interface StateChange {
  /** Which endpoint. */
  id: string
  /** Null: whatever its tenant. */
  tenant: string | null
  /** Written only from one of these. */
  from: EndpointState[]
  /** The next state. */
  to: EndpointState
  /** Its `stateReason`. */
  reason: string | null
  /** Storage's time: its `stateChangedAt` and `updatedAt`. */
  now: number
  /** Written only while `urlVersion` and `recoveredAt` of the endpoint are these; null: whatever they are. */
  guard: { urlVersion: number; recoveredAt: number | null } | null
}

// ─── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** How much of a list, and from where. */
export interface PageInput {
  /** Rows to return at most. */
  limit: number
  /** Rows to look at, at most: a page may be short while it has a `next`. */
  examine: number
  /** Only rows behind this one; null: from the beginning. */
  after: Position | null
}

/** A part of a list. */
export interface Page<T> {
  /** Those that match, in the order of the list. */
  items: T[]
  /** Null: there is nothing more. */
  next: Position | null
}

/** Which endpoints `listEndpoints` looks for. Null: no such condition. */
export interface EndpointQuery extends PageInput {
  /** Of this tenant. */
  tenant: string | null
  /** In one of these states. */
  states: EndpointState[] | null
  /** Only those whose settings or state changed at or after this moment: by `updatedAt`. Null: all. */
  changedSince: number | null
}

/** Which events `listEvents` looks for. Null: no such condition. */
export interface EventQuery extends PageInput {
  /** Of this tenant. */
  tenant: string | null
  /** Of exactly this type. */
  type: string | null
  /** Accepted at or after this moment. */
  since: number | null
  /** Accepted before this moment. */
  until: number | null
}

/** Which deliveries `listDeliveries` looks for. */
export interface DeliveryQuery extends PageInput {
  /** All its conditions hold together. */
  selection: Selection
}

/** Which deliveries `countAtRest` counts, from where, and among how many rows. */
export interface CountInput extends Omit<PageInput, 'limit'> {
  /** All its conditions hold together. */
  selection: Selection
}

/** A part of a count. */
export interface Count {
  /** Those that matched in this look. */
  count: number
  /** Null: there is nothing more to count. */
  next: Position | null
}

/** Whose attempts `listAttempts` looks for. */
export interface AttemptQuery extends PageInput {
  /** The delivery that was attempted. */
  deliveryId: string
}

// ─── a single event ──────────────────────────────────────────────────────────────────────────────────────────────────

/** How far an event has come. */
export interface EventProgress {
  /** As it is now. */
  event: EventSummary
  /** The endpoints that the caller addressed; null: those that match. */
  endpointIds: string[] | null
  /** The tenant's endpoint-set version by which it is fanned out: endpoints created at a later one get nothing. */
  endpointsVersion: number
  /** Deliveries are still being written. */
  fanningOut: boolean
  /** Its deliveries by state: `delivered`, `failed`, `canceled`; `open`: pending or leased. */
  counts: { open: number; delivered: number; failed: number; canceled: number }
}

/** Which event `cancelEvent` cancels. */
export interface CancelEventInput {
  /** The event's. */
  id: string
  /** Null: whatever its tenant. */
  tenant: string | null
  /** Storage's time: the event's `canceledAt`, and when its deliveries ended. */
  now: number
  /** Deliveries to cancel at most. */
  limit: number
}

/** What `cancelEvent` answers. */
export interface CanceledEvent {
  /** As it is now. */
  event: EventSummary
  /** Those canceled by this call: fewer than `limit` means that none is left. */
  canceled: DeliveryRecord[]
}

// ─── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which replays `listReplays` looks for. */
export interface ReplayQuery extends PageInput {
  /** Null: whatever their tenant. */
  tenant: string | null
  /** In one of these states; null: in any. */
  states: ReplayState[] | null
}

/** A replay to be written. */
export interface NewReplay {
  /** `rpl_…`, made by the engine. */
  /** `rpl_…`, made by the engine. */
  id: string
  /** What it does. */
  kind: ReplayKind
  /** Of a backfill: always with `endpointId`, never with `states` or `ids`. */
  selection: Selection
  /** As `ReplayRecord` has it. */
  perSecond: number | null
  /** As counted before; written as told. */
  total: number
  /** Storage's time: what is written later is no part of it. */
  now: number
}

/** One step of a replay. */
export interface ReplayStepInput {
  /** Which replay. */
  replayId: string
  /** Storage's time: when what is requeued is due. */
  now: number
  /** Deliveries to requeue at most. */
  limit: number
  /** Deliveries to look at, at most. */
  examine: number
}

/** Which events `missedEvents` looks for. */
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

/** What `missedEvents` answers. */
export interface MissedEvents {
  /** Oldest first. */
  events: MissedEvent[]
  /** Null: there is nothing more up to the bound. */
  next: Position | null
}

/** An event of which an endpoint has no delivery. */
export interface MissedEvent {
  /** The event's. */
  id: string
  /** What happened. */
  type: string
  /** The endpoints that the caller addressed; null: those that match. */
  endpointIds: string[] | null
}

/** One step of a backfill. */
export interface BackfillInput {
  /** The backfill's. */
  replayId: string
  /** Storage's time: when the deliveries are due. */
  now: number
  /** The cursor from which these were found: with another one stored, nothing is written. */
  from: Position
  /** The cursor after them; null: these were the last. */
  to: Position | null
  /** The events that the endpoint is to have. */
  eventIds: string[]
}

/** What became of the deliveries that a replay requeued. */
export interface ReplayProgressCounts {
  /** Requeued by this replay and now at rest as `delivered`. */
  delivered: number
  /** Requeued by it and at rest as `failed`. */
  failed: number
  /** Requeued by it and at rest as `canceled`. */
  canceled: number
  /** Requeued and not yet at rest. */
  open: number
}

// ─── upkeep ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which held deliveries `cancelHeld` ends. */
export interface CancelHeldInput {
  /** Storage's time: their `endedAt`. */
  now: number
  /** Held, and due, since before this moment: canceled as `hold_expired`. Those of deleted endpoints: at once. */
  heldBefore: number
  /** Deliveries to cancel at most. */
  limit: number
}

/** What `prune` removes. */
export interface PruneInput {
  /** Storage's time: idempotency keys that have run out by then go, too. */
  now: number
  /** Delivered deliveries that ended before this, and events without deliveries created before it. */
  deliveredBefore: number
  /** Failed and canceled deliveries, and replays, that ended before this. */
  failedBefore: number
  /** Rows to remove at most, over all tables. */
  limit: number
}

/** Figures for `health()`. */
export interface StorageStats {
  /** When the oldest delivery that may be attempted fell due; null: nothing is due or all is held. */
  oldestDueAt: number | null
  /** Pending, up to `countMax`. */
  pending: number
  /** Pending in blocked lanes, up to `countMax`. */
  held: number
  /** Leased by whomever, up to `countMax`. */
  leased: number
  /** The room that it takes. */
  bytes: number
}

export type { AttemptRecord, DeliveryRecord, EndpointRecord, EventRecord, Lease, Position }
