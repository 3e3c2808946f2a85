import type { SliceInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { passFanOut } from './fan-out-turns.ts'
import { insertDelivery, type Parent } from './insert-delivery.ts'
import { Lanes } from './lanes.ts'

export function insertSlice(db: Connection, { now, eventId, from, to, deliveries }: SliceInput): boolean {
  const event = db.get<Parent>(
    `SELECT e.key, e.id, e.tenant_key AS tenantKey, t.name AS tenant, e.ordering_key AS orderingKey
    FROM {event} AS e CROSS JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.id = ? AND e.fan_cursor = ?`,
    eventId,
    from,
  )
  if (event === undefined) return false
  const lanes = new Lanes(db, now)
  for (const delivery of deliveries)
    insertDelivery(db, lanes, event, { ...delivery, leaseUntil: null }, { now, worker: null })
  lanes.flush()
  db.run(
    `UPDATE {event} SET fan_cursor = @to,
      bare = @to IS NULL AND NOT EXISTS (SELECT 1 FROM {delivery} INDEXED BY {delivery_by_event} WHERE event_key = @key)
    WHERE key = @key`,
    { key: event.key, to },
  )
  if (to === null && event.orderingKey !== null) passFanOut(db, event.tenantKey, event.orderingKey)
  return true
}
