import type { DeliveryRecord } from '../../model/delivery.ts'
import type { CancelHeldInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, deliveryOf } from './deliveries.ts'
import { type Lane, Lanes } from './lanes.ts'
import { stateNumber } from './rows.ts'
import { JOINED } from './scan.ts'

export function cancelHeld(db: Connection, { now, heldBefore, limit }: CancelHeldInput): DeliveryRecord[] {
  const held = db.all<{ endpointId: string }>(
    `SELECT p.id AS endpointId FROM {lane} AS l INDEXED BY {lane_hold} CROSS JOIN {endpoint} AS p ON p.key = l.endpoint_key
    WHERE l.hold_at < ? ORDER BY l.hold_at LIMIT ?`,
    // The lanes of deleted endpoints stand before moment 0.
    Math.max(heldBefore, 0),
    limit,
  )
  const lanes = new Lanes(db, now)
  const canceled: DeliveryRecord[] = []
  for (const { endpointId } of held) {
    const lane = lanes.find(endpointId)
    if (lane === undefined || canceled.length === limit) continue
    for (const row of overdue(db, lane, heldBefore, limit - canceled.length)) {
      canceled.push(cancel(db, row, lane.deleted === 1 ? 'endpoint_deleted' : 'hold_expired', now))
    }
    lanes.refresh(lane)
  }
  lanes.flush()
  return canceled
}

function overdue(db: Connection, lane: Lane, heldBefore: number, limit: number): DeliveryRow[] {
  return db.all<DeliveryRow>(
    `SELECT d.key, d.created_at AS createdAt, ${DELIVERY_COLUMNS}
    FROM {delivery} AS d INDEXED BY {delivery_pending} ${JOINED}
    WHERE d.endpoint_key = ? AND d.state = 0 AND d.due_at < ? ORDER BY d.due_at, d.key LIMIT ?`,
    lane.endpointKey,
    lane.deleted === 1 ? Number.MAX_SAFE_INTEGER : heldBefore,
    limit,
  )
}

function cancel(
  db: Connection,
  row: DeliveryRow,
  reason: 'endpoint_deleted' | 'hold_expired',
  endedAt: number,
): DeliveryRecord {
  db.run('UPDATE {delivery} SET state = 4, reason = ?, ended_at = ? WHERE key = ?', reason, endedAt, row.key)
  return deliveryOf({ ...row, state: stateNumber('canceled'), reason, endedAt })
}
