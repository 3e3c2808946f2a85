import type { DeliveryRecord } from '../../model/delivery.ts'
import type { CancelHeldInput } from '../../ports/storage.ts'
import { CANCEL_COLUMNS, type CancelRow, cancel, passTurns } from './cancel.ts'
import type { Connection } from './connection.ts'
import { type Lane, Lanes } from './lanes.ts'
import { WAITING } from './rows.ts'
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
    const rows = overdue(db, lane, heldBefore, limit - canceled.length)
    const reason = lane.deleted === 1 ? 'endpoint_deleted' : 'hold_expired'
    for (const row of rows) canceled.push(cancel(db, row, reason, now))
    passTurns(db, lanes, lane, rows)
    lanes.refresh(lane)
  }
  lanes.flush()
  return canceled
}

/** Those with a turn and those that wait for it; all are found before any is canceled, which brings turns. */
function overdue(db: Connection, lane: Lane, heldBefore: number, limit: number): CancelRow[] {
  const before = lane.deleted === 1 ? Number.MAX_SAFE_INTEGER : heldBefore
  const rows = db.all<CancelRow>(`${selectFrom('delivery_pending', 0)}`, lane.endpointKey, before, limit)
  if (rows.length === limit) return rows
  return rows.concat(
    db.all<CancelRow>(`${selectFrom('delivery_waiting', WAITING)}`, lane.endpointKey, before, limit - rows.length),
  )
}

function selectFrom(index: string, state: number): string {
  return `
    SELECT ${CANCEL_COLUMNS}
    FROM {delivery} AS d INDEXED BY {${index}} ${JOINED}
    WHERE d.endpoint_key = ? AND d.state = ${state} AND d.due_at < ? ORDER BY d.due_at, d.key LIMIT ?`
}
