import type { Lease } from '../../model/delivery.ts'
import { deliveryKey } from '../../model/ids.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'
import { passTurn } from './turns.ts'

/** A leased delivery has a reason where its event was canceled meanwhile: it comes to rest instead. */
export function releaseLeases(
  db: Connection,
  { now, worker, leases }: { now: number; worker: string; leases: Lease[] },
): void {
  const lanes = new Lanes(db, now)
  for (const lease of leases) {
    const row = db.get<{ dueAt: number; canceled: number; orderingKey: string | null }>(
      `UPDATE {delivery} SET state = CASE WHEN reason IS NULL THEN 0 ELSE 4 END, claim = claim - 1,
        ended_at = CASE WHEN reason IS NOT NULL THEN ? END, leased_at = NULL, lease_until = NULL, worker = NULL
      WHERE key = ? AND state = 1 AND claim = ? AND worker = ?
      RETURNING due_at AS dueAt, state = 4 AS canceled, ordering_key AS orderingKey`,
      now,
      deliveryKey(lease.deliveryId),
      lease.claim,
      worker,
    )
    const lane = row && lanes.find(lease.endpointId)
    if (row === undefined || lane === undefined) continue
    if (row.canceled === 0) lanes.enqueue(lane, row.dueAt)
    else if (row.orderingKey !== null) passTurn(db, lanes, lane, row.orderingKey, 0)
  }
  lanes.flush()
}
