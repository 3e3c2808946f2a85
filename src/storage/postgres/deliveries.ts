import type { DeliveryReason, DeliveryRecord } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { Connection } from './connection.ts'
import { stateOf, WAITING } from './rows.ts'
import { JOINED } from './scan.ts'

export interface DeliveryRow {
  key: number
  createdAt: number
  eventId: string
  endpointId: string
  tenant: string
  type: string
  state: number
  reason: DeliveryReason | null
  round: number
  claim: number
  dueAt: number
  endedAt: number | null
}

/** Beside `key` and `createdAt`. */
export const DELIVERY_COLUMNS = `
  e.id AS "eventId", p.id AS "endpointId", e.tenant, e.type, d.state, d.reason, d.round, d.claim,
  d.due_at AS "dueAt", d.ended_at AS "endedAt"`

export function deliveryOf(row: DeliveryRow): DeliveryRecord {
  const state = stateOf(row.state)
  return {
    id: deliveryId(row.key),
    eventId: row.eventId,
    endpointId: row.endpointId,
    tenant: row.tenant,
    type: row.type,
    state,
    reason: row.reason,
    round: row.round,
    // Each claim is an attempt; the one under way has not ended.
    attemptCount: state === 'leased' ? row.claim - 1 : row.claim,
    nextAttemptAt: state === 'pending' && row.state !== WAITING ? row.dueAt : null,
    createdAt: row.createdAt,
    endedAt: row.endedAt,
  }
}

export async function findDelivery(db: Connection, key: number): Promise<DeliveryRecord | null> {
  const row = await db.get<DeliveryRow>(
    `SELECT d.key, d.created_at AS "createdAt", ${DELIVERY_COLUMNS} FROM {delivery} AS d ${JOINED} WHERE d.key = $1`,
    key,
  )
  return row === undefined ? null : deliveryOf(row)
}
