import type { DeliveryRow, EndpointRow, LastClaim, Tables } from './tables.ts'

/** Not active or deleted, or resting until a moment that a settlement set. */
export function isBlocked({ lane }: EndpointRow, now: number): boolean {
  return lane.heldSince !== null || lane.blockedUntil > now
}

/** Whether a delivery is pending and due, blocked or not. */
export function hasDue({ lane }: EndpointRow, now: number): boolean {
  return lane.pending.first !== undefined && lane.pending.first.dueAt <= now
}

/** The moment from which the lane is due; infinite: not as things are. */
export function readyAt({ lane }: EndpointRow): number {
  if (lane.heldSince !== null || lane.pending.first === undefined) return Number.POSITIVE_INFINITY
  return Math.max(lane.pending.first.dueAt, lane.blockedUntil, lane.deferredUntil)
}

/** The delivery waits in its lane, due at `row.dueAt`. */
export function enqueue(row: DeliveryRow): void {
  row.state = 'pending'
  row.endpoint.lane.pending.add(row)
}

/** Leases a delivery, adding one to its claim number. */
export function lease(
  tables: Tables,
  row: DeliveryRow,
  terms: { worker: string; leasedAt: number; until: number },
): void {
  row.endpoint.lane.pending.delete(row)
  row.state = 'leased'
  row.claim += 1
  row.lease = terms
  tables.leased.add(row)
}

/** Ends the lease; what becomes of the delivery is up to the caller. */
export function endLease(tables: Tables, row: DeliveryRow): void {
  row.lease = null
  tables.leased.delete(row)
}

/** A lane or a tenant goes to the end of its line. */
export function moveToEnd(tables: Tables, place: { lastClaim: LastClaim }, now: number): void {
  tables.lastTurn += 1
  place.lastClaim = { at: now, turn: tables.lastTurn }
}
