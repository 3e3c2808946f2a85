import type { EventSummary } from '../../model/event.ts'
import { objectOf } from './rows.ts'

export interface EventRow extends Omit<EventSummary, 'headers' | 'metadata'> {
  headers: string | null
  metadata: string | null
}

/** Beside `key` and `createdAt`; all but the body. */
export const EVENT_COLUMNS = `
  e.id, e.tenant, e.type, coalesce(e.occurred_at, e.created_at) AS "occurredAt",
  coalesce(e.deliver_at, e.created_at) AS "deliverAt",
  e.idempotency_key AS "idempotencyKey", e.ordering_key AS "orderingKey", e.content_type AS "contentType",
  e.headers, e.metadata, e.canceled_at AS "canceledAt"`

export function eventOf(row: EventRow): EventSummary {
  return {
    id: row.id,
    tenant: row.tenant,
    type: row.type,
    occurredAt: row.occurredAt,
    createdAt: row.createdAt,
    deliverAt: row.deliverAt,
    idempotencyKey: row.idempotencyKey,
    orderingKey: row.orderingKey,
    contentType: row.contentType,
    headers: objectOf(row.headers),
    metadata: objectOf(row.metadata),
    canceledAt: row.canceledAt,
  }
}
