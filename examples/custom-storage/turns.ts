import { under } from './keys.ts'
import { saveDelivery } from './lanes.ts'
import type { DeliveryRow, EventRow } from './rows.ts'
import type { Reader, Writer } from './store/store.ts'
import { firstKey } from './table.ts'
import { deliveries, events } from './tables.ts'

/** Whether a delivery of this ordering key is not at rest at this endpoint: a new one waits behind it. */
export function hasHead(db: Reader, endpointId: string, orderingKey: string): boolean {
  return firstKey(db, under('turn', endpointId, orderingKey)) !== null
}

/**
 * A delivery has come to rest. If it was the head of its ordering key, the next one becomes head, due at its own time, but not
 * before `earliest`. Returns when that is; null: nobody was waiting for this.
 */
export function endTurn(
  db: Writer,
  { endpointId, orderingKey }: DeliveryRow,
  now: number,
  earliest: number,
): number | null {
  if (orderingKey === null) return null
  const [next] = deliveries.take(db, under('turn', endpointId, orderingKey), 1)
  // It still has its turn: the one at rest was not the head.
  if (next === undefined || !next.waits) return null
  next.waits = false
  next.dueAt = Math.max(next.dueAt, earliest)
  saveDelivery(db, next, now)
  return next.dueAt
}

/** Whether an event of this tenant and ordering key is still being fanned out. */
export function fanOutGoesOn(db: Reader, tenant: string, orderingKey: string | null): boolean {
  return orderingKey !== null && firstKey(db, under('fan-out-turn', tenant, orderingKey)) !== null
}

/** The fan-out of this event is over: the next event of its tenant and ordering key is fanned out. */
export function endFanOut(db: Writer, { record: { tenant, orderingKey } }: EventRow): void {
  if (orderingKey === null) return
  const [next] = events.take(db, under('fan-out-turn', tenant, orderingKey), 1)
  if (next !== undefined) events.put(db, { ...next, fanOutWaits: false })
}
