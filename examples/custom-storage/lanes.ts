import { key, numberIn, type Range, under } from './keys.ts'
import type { DeliveryRow, LaneRow } from './rows.ts'
import type { Reader, Writer } from './store/store.ts'
import { firstKey } from './table.ts'
import { deliveries, lanes, nextTurn, tenants } from './tables.ts'

/** Not active or deleted, or resting until a moment that a settlement set. */
export function isBlocked({ heldSince, blockedUntil }: LaneRow, now: number): boolean {
  return heldSince !== null || blockedUntil > now
}

/** Whether a delivery of this lane is pending, in its turn, and due. */
export function hasDue(db: Reader, { endpointId }: LaneRow, now: number): boolean {
  return (oldest(db, under('pending', endpointId)) ?? Infinity) <= now
}

/** Writes a delivery, and the place that its lane has by that. */
export function saveDelivery(db: Writer, row: DeliveryRow, now: number): void {
  deliveries.put(db, row)
  changeLane(db, row.endpointId, now, {})
}

/**
 * Writes a lane with its place in line: the latest of when its oldest delivery is due, when its rest and its deferral end, and
 * when it was last claimed from. A place that has come is what "due" means. A lane that is held has none.
 */
export function changeLane(db: Writer, endpointId: string, now: number, changes: Partial<LaneRow>): void {
  const lane = { ...lanes.get(db, endpointId), ...changes }
  const due = oldest(db, under('pending', endpointId))
  const waiting = oldest(db, under('waiting', endpointId))
  lane.queued = due !== null || waiting !== null
  lane.readyAt = null
  lane.holdAt = null
  if (lane.heldSince !== null) {
    const first = Math.min(due ?? Infinity, waiting ?? Infinity)
    if (lane.queued) lane.holdAt = lane.deleted ? 0 : Math.max(lane.heldSince, first)
  } else if (due !== null) {
    lane.readyAt = Math.max(due, lane.blockedUntil, lane.deferredUntil, claimedBy(lane, now))
  }
  lanes.put(db, lane)
  placeTenant(db, lane.tenant, now)
}

/** Something was claimed from this lane: it goes to the end of its line, and its tenant too. */
export function moveToEnd(db: Writer, { endpointId, tenant }: LaneRow, now: number): void {
  const claim = { claimedAt: now, claimedTurn: nextTurn(db) }
  tenants.put(db, { ...tenants.get(db, tenant), ...claim })
  changeLane(db, endpointId, now, claim)
}

/** A tenant's place is that of its first lane, but not before it was last claimed from itself. */
function placeTenant(db: Writer, name: string, now: number): void {
  const tenant = tenants.get(db, name)
  const lane = firstKey(db, under('ready', name))
  const readyAt = lane === null ? null : Math.max(numberIn(lane, 2), claimedBy(tenant, now))
  tenants.put(db, { ...tenant, readyAt })
}

/** A claim from a time to come was made before the clock was set back: it must not keep a lane waiting until then. */
function claimedBy({ claimedAt }: { claimedAt: number }, now: number): number {
  return Math.min(claimedAt, now)
}

/** When the first of `pending/<endpoint>` or `waiting/<endpoint>` is due. */
function oldest(db: Reader, range: Range): number | null {
  const found = firstKey(db, range)
  return found === null ? null : numberIn(found, 2)
}

/** A tenant is there from the first time that it is named. */
export function meetTenant(db: Writer, name: string): number {
  const tenant = tenants.find(db, name)
  if (tenant !== undefined) return tenant.version
  tenants.put(db, { name, version: 0, claimedAt: 0, claimedTurn: 0, readyAt: null })
  return 0
}

/** Those of one lane whose time has come, oldest first. */
export function dueRange(endpointId: string, now: number): Range {
  return { ...under('pending', endpointId), to: key('pending', endpointId, now + 1) }
}
