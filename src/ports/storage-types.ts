import type { AttemptRecord } from '../model/attempt.ts'
import type { DeliveryRecord, Lease } from '../model/delivery.ts'
import type { EndpointOverrides, EndpointRecord, EndpointSettings, EndpointState } from '../model/endpoint.ts'
import type { EventRecord } from '../model/event.ts'
import type { Selection } from '../model/replay.ts'

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
  /** Written only while the overrides equal these; left out: whatever they are. */
  ifOverrides?: EndpointOverrides
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

/** Keyset position: the row examined last, by its creation and integer key. */
export interface Position {
  /** Its creation, epoch milliseconds; of an attempt, its start. */
  at: number
  /** Its integer key, which tells rows of one millisecond apart; of an attempt, its number. */
  key: number
}

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

// ─── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A replay to be written. */
export interface NewReplay {
  /** `rpl_…`, made by the engine. */
  id: string
  /** What it visits. */
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

export type { AttemptRecord, DeliveryRecord, EndpointRecord, EventRecord, Lease }
