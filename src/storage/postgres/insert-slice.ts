import type { SliceInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { insertDeliveries, type Parent } from './insert-deliveries.ts'

export async function insertSlice(
  db: Connection,
  { now, eventId, from, to, deliveries }: SliceInput,
): Promise<boolean> {
  const event = await db.get<Parent>(
    `SELECT e.key, e.id, e.tenant_key AS "tenantKey", t.name AS tenant
    FROM {event} AS e JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.id = $1 AND e.fan_cursor = $2
    FOR UPDATE OF e`,
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
