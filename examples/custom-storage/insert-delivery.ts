import { type NewDelivery, WebhookError } from 'hookferry/storage'
import { key } from './keys.ts'
import { hasDue, isBlocked, saveDelivery } from './lanes.ts'
import type { DeliveryRow, EventRow } from './rows.ts'
import type { Writer } from './store/store.ts'
import { lanes, nextKey } from './tables.ts'
import { hasHead } from './turns.ts'

/**
 * Writes one delivery of this event: waiting if it is behind another of its ordering key, leased where that is wanted and its lane
 * is idle, pending otherwise. Counts it; its event is for the caller to write. Null: it is there already, and is left as it is.
 * `replayId`: of a backfill, whose deliveries take no turns.
 */
export function insertDelivery(
  db: Writer,
  event: EventRow,
  { endpointId, dueAt, leaseUntil }: NewDelivery,
  now: number,
  worker: string,
  replayId: string | null = null,
): DeliveryRow | null {
  const { id, tenant, type } = event.record
  const orderingKey = replayId === null ? event.record.orderingKey : null
  if (db.get(key('once', id, endpointId)) !== undefined) return null
  const lane = lanes.find(db, endpointId)
  if (lane === undefined) throw new WebhookError('endpoint_not_found', `There is no endpoint ${endpointId}.`)

  const waits = orderingKey !== null && hasHead(db, endpointId, orderingKey)
  const leased = leaseUntil !== null && !waits && !isBlocked(lane, now) && !hasDue(db, lane, now)
  const row: DeliveryRow = {
    key: nextKey(db),
    eventId: id,
    endpointId,
    tenant,
    type,
    createdAt: now,
    state: leased ? 'leased' : 'pending',
    reason: null,
    round: 1,
    step: 0,
    lost: 0,
    claim: leased ? 1 : 0,
    dueAt,
    lease: leased ? { worker, leasedAt: now, until: leaseUntil } : null,
    orderingKey,
    waits,
    endedAt: null,
    replayId,
    attemptCount: 0,
  }
  saveDelivery(db, row, now)
  event.deliveries += 1
  return row
}
