import type { DeliveryReason, DeliveryRecord } from '../../model/delivery.ts'
import type { Connection } from './connection.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, deliveryOf } from './deliveries.ts'
import type { Lane, Lanes } from './lanes.ts'
import { stateNumber, WAITING } from './rows.ts'
import { passTurn } from './turns.ts'

/** A delivery that is to be canceled, as it was read before. */
export type CancelRow = DeliveryRow & { orderingKey: string | null }

export const CANCEL_COLUMNS = `
  d.key, d.created_at AS createdAt, ${DELIVERY_COLUMNS}, d.ordering_key AS orderingKey`

/** One that is not leased comes to rest. Its turn is passed on by `passTurns`. */
export function cancel(db: Connection, row: CancelRow, reason: DeliveryReason, endedAt: number): DeliveryRecord {
  db.run('UPDATE {delivery} SET state = 4, reason = ?, ended_at = ? WHERE key = ?', reason, endedAt, row.key)
  return deliveryOf({ ...row, state: stateNumber('canceled'), reason, endedAt })
}

/** Where a head went, the next that is left has its turn, at its own time. Only once all of `canceled` are. */
export function passTurns(db: Connection, lanes: Lanes, lane: Lane, canceled: readonly CancelRow[]): void {
  for (const { state, orderingKey } of canceled) {
    if (state !== WAITING && orderingKey !== null) passTurn(db, lanes, lane, orderingKey, 0)
  }
}
