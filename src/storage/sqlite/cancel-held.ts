import type { DeliveryReason, DeliveryRecord } from '../../model/delivery.ts'
import type { CancelHeldInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { findDelivery } from './deliveries.ts'
import { Lanes } from './lanes.ts'

export function cancelHeld(db: Connection, { now, heldBefore, limit }: CancelHeldInput): DeliveryRecord[] {
  const held = db.all<{ endpointId: string }>(
    `SELECT p.id AS endpointId FROM {lane} AS l INDEXED BY {lane_hold} CROSS JOIN {endpoint} AS p ON p.key = l.endpoint_key
    WHERE l.hold_at < ? ORDER BY l.hold_at LIMIT ?`,
    // The lanes of deleted endpoints stand before moment 0.
    Math.max(heldBefore, 0),
    limit,
  )
  const lanes = new Lanes(db)
  const keys: number[] = []
  for (const { endpointId } of held) {
    const lane = lanes.find(endpointId)
    if (lane === undefined || keys.length === limit) continue
    const deleted = lane.deleted === 1
    const dueBefore = deleted ? Number.MAX_SAFE_INTEGER : heldBefore
    const reason = deleted ? 'endpoint_deleted' : 'hold_expired'
    keys.push(...cancelDue(db, lane.endpointKey, { dueBefore, reason, now, limit: limit - keys.length }))
    lanes.refresh(lane)
  }
  lanes.flush()
  return keys.map((key) => findDelivery(db, key)).filter((delivery) => delivery !== null)
}

function cancelDue(
  db: Connection,
  endpointKey: number,
  { dueBefore, reason, now, limit }: { dueBefore: number; reason: DeliveryReason; now: number; limit: number },
): number[] {
  return db
    .all<{ key: number }>(
      `UPDATE {delivery} SET state = 4, reason = ?, ended_at = ?
      WHERE key IN (
        SELECT key FROM {delivery} INDEXED BY {delivery_pending}
        WHERE endpoint_key = ? AND state = 0 AND due_at < ? ORDER BY due_at, key LIMIT ?)
      RETURNING key`,
      reason,
      now,
      endpointKey,
      dueBefore,
      limit,
    )
    .map(({ key }) => key)
    .sort((a, b) => a - b)
}
