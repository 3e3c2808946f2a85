import type { DeliveryReason } from '../../model/delivery.ts'
import type { DeliveryRow } from './tables.ts'
import { endTurn } from './turns.ts'

/** One that is not leased comes to rest; the next of its ordering key is due at its own time. */
export function cancel(row: DeliveryRow, reason: DeliveryReason, now: number): void {
  row.endpoint.lane.pending.delete(row)
  row.state = 'canceled'
  row.reason = reason
  row.endedAt = now
  endTurn(row, Number.NEGATIVE_INFINITY)
}
