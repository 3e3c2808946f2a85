import { deliveryId } from '../../model/ids.ts'
import type { ExpiredLease } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

export function expiredLeases(db: Connection, { now, limit }: { now: number; limit: number }): ExpiredLease[] {
  return db
    .all<Omit<ExpiredLease, 'deliveryId' | 'ordered'> & { key: number; ordered: number }>(
      `SELECT d.key, e.id AS eventId, p.id AS endpointId, t.name AS tenant, d.claim, d.round, d.step, d.lost,
        d.ordering_key IS NOT NULL AS ordered, d.leased_at AS leasedAt, d.lease_until AS until, d.worker, e.type
      FROM {delivery} AS d INDEXED BY {delivery_leased} CROSS JOIN {event} AS e ON e.key = d.event_key
        CROSS JOIN {endpoint} AS p ON p.key = d.endpoint_key CROSS JOIN {tenant} AS t ON t.key = d.tenant_key
      WHERE d.state = 1 AND d.lease_until <= ? ORDER BY d.lease_until, d.key LIMIT ?`,
      now,
      limit,
    )
    .map(({ key, ordered, ...lease }) => ({ deliveryId: deliveryId(key), ordered: ordered === 1, ...lease }))
}
