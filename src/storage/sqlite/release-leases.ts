import type { Lease } from '../../model/delivery.ts'
import { deliveryKey } from '../../model/ids.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'

export function releaseLeases(
  db: Connection,
  { now, worker, leases }: { now: number; worker: string; leases: Lease[] },
): void {
  const lanes = new Lanes(db, now)
  for (const lease of leases) {
    const row = db.get<{ dueAt: number }>(
      `UPDATE {delivery} SET state = 0, claim = claim - 1, leased_at = NULL, lease_until = NULL, worker = NULL
      WHERE key = ? AND state = 1 AND claim = ? AND worker = ? RETURNING due_at AS dueAt`,
      deliveryKey(lease.deliveryId),
      lease.claim,
      worker,
    )
    const lane = row && lanes.find(lease.endpointId)
    if (row && lane) lanes.enqueue(lane, row.dueAt)
  }
  lanes.flush()
}
