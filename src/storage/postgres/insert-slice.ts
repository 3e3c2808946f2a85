import type { SliceInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { insertDeliveries, type Parent } from './insert-deliveries.ts'

export async function insertSlice(
  db: Connection,
  { now, eventId, from, to, deliveries }: SliceInput,
): Promise<boolean> {
  const event = await db.get<Parent>(
    `SELECT key, id, tenant, ordering_key AS "orderingKey" FROM {event} WHERE id = $1 AND fan_cursor = $2 FOR UPDATE`,
    eventId,
    from,
  )
  if (event === undefined) return false
  const wanted = deliveries.map(({ endpointId, dueAt }) => ({ event, endpointId, dueAt, leaseUntil: null }))
  await insertDeliveries(db, wanted, { now, worker: null })
  await db.run(
    `UPDATE {event} SET fan_cursor = $2::text,
      bare = $2::text IS NULL AND NOT EXISTS (SELECT 1 FROM {delivery} WHERE event_key = $1)
    WHERE key = $1`,
    event.key,
    to,
  )
  return true
}
