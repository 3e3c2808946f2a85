import type { DeliveryRecord } from '../../model/delivery.ts'
import type { CancelHeldInput } from '../../ports/storage.ts'
import { cancel } from './cancel.ts'
import { deliveryRecord } from './records.ts'
import type { DeliveryRow, EndpointRow, Tables } from './tables.ts'

export function cancelHeld(tables: Tables, { now, heldBefore, limit }: CancelHeldInput): DeliveryRecord[] {
  const canceled: DeliveryRecord[] = []
  for (const endpoint of tables.endpoints.values()) {
    const reason = endpoint.deleted ? 'endpoint_deleted' : 'hold_expired'
    for (const row of overdue(endpoint, heldBefore, limit - canceled.length)) {
      cancel(row, reason, now)
      canceled.push(deliveryRecord(row))
    }
  }
  return canceled
}

/** Those whose time is over. */
function overdue({ deleted, lane }: EndpointRow, heldBefore: number, limit: number): DeliveryRow[] {
  if (lane.heldSince === null || (!deleted && lane.heldSince >= heldBefore)) return []
  const isOver = ({ dueAt }: DeliveryRow) => deleted || dueAt < heldBefore
  const rows = lane.pending.take(limit, isOver)
  for (const row of lane.waiting) {
    if (rows.length >= limit) break
    if (isOver(row)) rows.push(row)
  }
  return rows
}
