import { deliveryId } from '../../model/ids.ts'
import type { ExpiredLease } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

export async function expiredLeases(
  db: Connection,
  { now, limit }: { now: number; limit: number },
): Promise<ExpiredLease[]> {
  const rows = await db.all<Omit<ExpiredLease, 'deliveryId'> & { key: number }>(
    `SELECT d.key, e.id AS "eventId", p.id AS "endpointId", e.tenant, d.claim, d.round, d.step, d.lost,
      d.ordering_key IS NOT NULL AS ordered, d.leased_at AS "leasedAt", d.lease_until AS until, d.worker, e.type
    FROM (
      SELECT * FROM {delivery} WHERE state = 1 AND lease_until <= $1 ORDER BY lease_until, key LIMIT $2) AS d
      JOIN {event} AS e ON e.key = d.event_key JOIN {endpoint} AS p ON p.key = d.endpoint_key
    ORDER BY d.lease_until, d.key`,
    now,
    limit,
  )
  return rows.map(({ key, ...lease }) => ({ deliveryId: deliveryId(key), ...lease }))
}
