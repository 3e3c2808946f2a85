import type { DeliveryReason, DeliveryRecord } from '../../model/delivery.ts'
import type { CancelHeldInput } from '../../ports/storage.ts'
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
  if (deleted) return lane.pending.take(limit, () => true)
  if (lane.heldSince === null || lane.heldSince >= heldBefore) return []
  return lane.pending.take(limit, ({ dueAt }) => dueAt < heldBefore)
}

function cancel(row: DeliveryRow, reason: DeliveryReason, now: number): void {
  row.endpoint.lane.pending.delete(row)
  row.state = 'canceled'
  row.reason = reason
  row.endedAt = now
}
