import type { AttemptRecord } from '../../model/attempt.ts'
import type { DeliveryReason, DeliveryState } from '../../model/delivery.ts'
import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EventRecord } from '../../model/event.ts'
import type { ReplayRecord } from '../../model/replay.ts'
import { OrderedRows } from './ordered-rows.ts'

/** A turn in a line, beside the moment: decides between claims made at the same moment. */
export interface LastClaim {
  at: number
  turn: number
}

export interface TenantRow {
  name: string
  /** Counts the changes of its set of endpoints. */
  version: number
  lastClaim: LastClaim
}

/** An endpoint's queue. */
export interface Lane {
  /** Since when its endpoint is not active, or deleted; null: open. */
  heldSince: number | null
  blockedUntil: number
  deferredUntil: number
  lastClaim: LastClaim
  /** Pending deliveries, by when they are due; not those that wait for their turn. */
  readonly pending: OrderedRows<DeliveryRow>
  /** By ordering key: those that are not at rest, in the order of their turns. */
  readonly queues: Map<string, TurnQueue>
  /** Those that wait for their turn, whatever their key. */
  readonly waiting: Set<DeliveryRow>
}

/** Deliveries of one ordering key at one endpoint. The first is the head. */
export type TurnQueue = Set<DeliveryRow>

export interface EndpointRow {
  readonly key: number
  readonly tenant: TenantRow
  /** Replaced by each change, never changed in place: it is handed out. */
  record: EndpointRecord
  /** The tenant's version at its last change. */
  version: number
  /** A tombstone. */
  deleted: boolean
  readonly lane: Lane
}

export interface EventRow {
  readonly key: number
  /** Replaced by each change. */
  record: EventRecord
  readonly hash: string
  /** The tenant's endpoint-set version by which it is fanned out. */
  readonly endpointsVersion: number
  /** The endpoints that the caller addressed; null: those that match. */
  readonly endpointIds: string[] | null
  /** Endpoint ids up to and including this one have their deliveries; null: all its deliveries are written. */
  fanOutCursor: string | null
  /** By endpoint id. */
  readonly deliveries: Map<string, DeliveryRow>
}

export interface DeliveryRow {
  readonly key: number
  readonly event: EventRow
  readonly endpoint: EndpointRow
  readonly createdAt: number
  state: DeliveryState
  /** Of a leased one: `event_canceled`, when its event was canceled meanwhile. */
  reason: DeliveryReason | null
  round: number
  step: number
  lost: number
  claim: number
  /** Of one that waits for its turn: its own time, before which it is not to be delivered. */
  dueAt: number
  /** It takes turns: it has an ordering key, and no replay has taken it out of them. */
  ordered: boolean
  /** While it is leased. */
  lease: { worker: string; leasedAt: number; until: number } | null
  endedAt: number | null
  /** The replay that requeued it last. */
  replayId: string | null
  attempts: AttemptRecord[]
  /** Attempts that ended, those pruned since included. */
  attemptCount: number
}

export interface ReplayRow {
  /** Replaced by each change: it is handed out. */
  record: ReplayRecord
  readonly key: number
}

export interface IdempotencyRow {
  readonly eventId: string
  readonly hash: string
  readonly expiresAt: number
}

export interface Tables {
  lastKey: number
  lastTurn: number
  /** Of the bodies kept. */
  bytes: number
  readonly tenants: Map<string, TenantRow>
  readonly endpoints: Map<string, EndpointRow>
  readonly endpointsByCreation: OrderedRows<EndpointRow>
  readonly events: Map<string, EventRow>
  readonly eventsByCreation: OrderedRows<EventRow>
  /** Events whose deliveries are not all written, oldest first. */
  readonly fanOuts: Set<EventRow>
  /** By tenant and key, see `perTenant`. */
  readonly idempotency: Map<string, IdempotencyRow>
  /** In the order of their keys. */
  readonly deliveries: Map<number, DeliveryRow>
  readonly deliveriesByCreation: OrderedRows<DeliveryRow>
  readonly leased: Set<DeliveryRow>
  readonly replays: Map<string, ReplayRow>
  readonly replaysByCreation: OrderedRows<ReplayRow>
}

export function createTables(): Tables {
  return {
    lastKey: 0,
    lastTurn: 0,
    bytes: 0,
    tenants: new Map(),
    endpoints: new Map(),
    endpointsByCreation: new OrderedRows((row) => row.record.createdAt),
    events: new Map(),
    eventsByCreation: new OrderedRows((row) => row.record.createdAt),
    fanOuts: new Set(),
    idempotency: new Map(),
    deliveries: new Map(),
    deliveriesByCreation: new OrderedRows((row) => row.createdAt),
    leased: new Set(),
    replays: new Map(),
    replaysByCreation: new OrderedRows((row) => row.record.createdAt),
  }
}

/** Keys grow and are never used again. */
export function nextKey(tables: Tables): number {
  tables.lastKey += 1
  return tables.lastKey
}

export function tenantOf(tables: Tables, name: string): TenantRow {
  let tenant = tables.tenants.get(name)
  if (tenant === undefined) {
    tenant = { name, version: 0, lastClaim: { at: 0, turn: 0 } }
    tables.tenants.set(name, tenant)
  }
  return tenant
}

/** A key among those of all tenants: unambiguous, whatever characters the two consist of. */
export function perTenant(tenant: string, key: string): string {
  return JSON.stringify([tenant, key])
}
