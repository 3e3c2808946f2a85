import type { DeliveryRecord, Lease } from '../../model/delivery.ts'
import type { EventContent, EventSummary } from '../../model/event.ts'
import { deliveryId } from '../../model/ids.ts'
import type { ReplayRecord } from '../../model/replay.ts'
import type { DeliveryRow, EventRow, ReplayRow } from './tables.ts'
import { isWaiting } from './turns.ts'

/** What is handed out: fresh objects, so that a later change of the row does not show in them. */

export function deliveryRecord(row: DeliveryRow): DeliveryRecord {
  return {
    id: deliveryId(row.key),
    eventId: row.event.record.id,
    endpointId: row.endpoint.record.id,
    tenant: row.event.record.tenant,
    type: row.event.record.type,
    state: row.state,
    reason: row.reason,
    round: row.round,
    attemptCount: row.attemptCount,
    nextAttemptAt: row.state === 'pending' && !isWaiting(row) ? row.dueAt : null,
    createdAt: row.createdAt,
    endedAt: row.endedAt,
  }
}

/** The lease under which the delivery is held: only of leased rows. */
export function leaseOf(row: DeliveryRow, { leasedAt, until }: { leasedAt: number; until: number }): Lease {
  return {
    deliveryId: deliveryId(row.key),
    eventId: row.event.record.id,
    endpointId: row.endpoint.record.id,
    tenant: row.event.record.tenant,
    claim: row.claim,
    round: row.round,
    step: row.step,
    lost: row.lost,
    ordered: row.ordered,
    leasedAt,
    until,
  }
}

export function eventContent({ event: { record } }: DeliveryRow): EventContent {
  const { id, type, contentType, body, headers, createdAt } = record
  return { id, type, contentType, body, headers: { ...headers }, createdAt }
}

export function summaryOf({ record: { body: _, ...summary } }: EventRow): EventSummary {
  return { ...summary, headers: { ...summary.headers }, metadata: { ...summary.metadata } }
}

export function replayRecord({ record }: ReplayRow): ReplayRecord {
  return { ...record, selection: { ...record.selection } }
}
