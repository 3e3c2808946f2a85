import type { CancelHeldInput, DeliveryRecord, PruneInput, StorageStats } from 'hookferry/storage'
import { cancel } from './cancel.ts'
import { below, numberIn, under } from './keys.ts'
import { isBlocked } from './lanes.ts'
import { deliveryRecord } from './records.ts'
import type { DeliveryRow, LaneRow } from './rows.ts'
import type { Reader, Writer } from './store/store.ts'
import { count, first, firstKey } from './table.ts'
import { attempts, bodyKey, deliveries, events, idempotency, lanes, replays } from './tables.ts'

/** Lanes stand along `held` by the moment from which something in them may be over; those of deleted endpoints at 0. */
export function cancelHeld(db: Writer, { now, heldBefore, limit }: CancelHeldInput): DeliveryRecord[] {
  const canceled: DeliveryRecord[] = []
  for (const lane of lanes.take(db, below(Math.max(heldBefore, 1), 'held'), limit)) {
    const reason = lane.deleted ? ('endpoint_deleted' as const) : ('hold_expired' as const)
    for (const found of overdue(db, lane, heldBefore, limit - canceled.length)) {
      // As it is by now: another that was canceled may have given it its turn.
      canceled.push(deliveryRecord(cancel(db, deliveries.get(db, found.key), reason, now)))
    }
  }
  return canceled
}

/** Those that have their turn first. Those that wait for it go by their own time. */
function overdue(db: Reader, { endpointId, deleted }: LaneRow, heldBefore: number, limit: number): DeliveryRow[] {
  const end = deleted ? Number.MAX_SAFE_INTEGER : heldBefore
  const held = deliveries.take(db, below(end, 'pending', endpointId), limit)
  return [...held, ...deliveries.take(db, below(end, 'waiting', endpointId), limit - held.length)]
}

/** How many rows may still be removed. */
interface Budget {
  left: number
}

export function prune(db: Writer, { now, deliveredBefore, failedBefore, limit }: PruneInput): number {
  const budget = { left: limit }
  for (const range of [below(deliveredBefore, 'ended', 'delivered'), below(failedBefore, 'ended', 'failed')]) {
    for (const row of deliveries.take(db, range, budget.left)) removeDelivery(db, row, budget)
  }
  for (const row of events.take(db, below(deliveredBefore, 'bare'), budget.left)) {
    db.delete(bodyKey(row.record.id))
    events.remove(db, row)
    budget.left -= 1
  }
  for (const row of idempotency.take(db, below(now + 1, 'forgotten'), budget.left)) {
    idempotency.remove(db, row)
    budget.left -= 1
  }
  for (const row of replays.take(db, below(failedBefore, 'replay-ended'), budget.left)) {
    replays.remove(db, row)
    budget.left -= 1
  }
  return limit - budget.left
}

/** Its attempts first: with too little left for all of them, the delivery goes with the last of them, the next time. */
function removeDelivery(db: Writer, row: DeliveryRow, budget: Budget): void {
  for (const attempt of attempts.take(db, under('attempts', row.key), budget.left)) {
    attempts.remove(db, attempt)
    budget.left -= 1
  }
  if (budget.left === 0) return
  deliveries.remove(db, row)
  budget.left -= 1
  const event = events.get(db, row.eventId)
  events.put(db, { ...event, deliveries: event.deliveries - 1 })
}

/** Counts along keys, in the lanes that hold something: `countMax` of them at most. */
export function stats(db: Reader, bytes: number, { now, countMax }: { now: number; countMax: number }): StorageStats {
  let oldestDueAt = Infinity
  let pending = 0
  let held = 0
  for (const lane of first(lanes.along(db, under('queued')), countMax)) {
    const due = under('pending', lane.endpointId)
    const size = count(db, due, countMax) + count(db, under('waiting', lane.endpointId), countMax)
    const oldest = firstKey(db, due)
    pending += size
    if (isBlocked(lane, now)) held += size
    else if (oldest !== null) oldestDueAt = Math.min(oldestDueAt, numberIn(oldest, 2))
  }
  return {
    oldestDueAt: oldestDueAt <= now ? oldestDueAt : null,
    pending: Math.min(pending, countMax),
    held: Math.min(held, countMax),
    leased: count(db, under('leased'), countMax),
    bytes,
  }
}
