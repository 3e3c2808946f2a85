import type { NewEvent } from '../../ports/storage.ts'
import { isFanOutTaken } from './fan-out-turns.ts'
import { textOf } from './rows.ts'
import type { Statements } from './statements.ts'

/** Writes the event itself. Null: the id is there already. */
export function insertEventRow(db: Statements, item: NewEvent, tenantKey: number): number | null {
  const { event, fanOut, endpointIds } = item
  const inline = fanOut === 'inline'
  const waits = !inline && event.orderingKey !== null && isFanOutTaken(db, tenantKey, event.orderingKey)
  const { changes, key } = db.run(
    `INSERT INTO {event} (id, tenant_key, created_at, occurred_at, deliver_at, canceled_at, bare, fan_version, fan_cursor,
      fan_waits, type, ordering_key, idempotency_key, hash, content_type, endpoint_ids, headers, metadata, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    event.id,
    tenantKey,
    event.createdAt,
    event.occurredAt,
    event.deliverAt,
    event.canceledAt,
    inline && item.deliveries.length === 0 ? 1 : 0,
    item.endpointsVersion,
    inline ? null : '',
    waits ? 1 : 0,
    event.type,
    event.orderingKey,
    event.idempotencyKey,
    item.idGiven ? item.hash : null,
    event.contentType,
    endpointIds && JSON.stringify(endpointIds),
    textOf(event.headers),
    textOf(event.metadata),
    event.body,
  )
  return changes === 1 ? key : null
}

/** Replaces an entry that has expired; one still in force was found before. */
export function rememberKey(db: Statements, item: NewEvent, tenantKey: number): void {
  const { event, idempotencyExpiresAt, hash } = item
  if (event.idempotencyKey === null) return
  db.run(
    'INSERT OR REPLACE INTO {idempotency} (tenant_key, key, expires_at, event_id, hash) VALUES (?, ?, ?, ?, ?)',
    tenantKey,
    event.idempotencyKey,
    idempotencyExpiresAt ?? event.createdAt,
    event.id,
    hash,
  )
}
