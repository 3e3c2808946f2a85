import type { Lease } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { InsertResult, NewEvent } from '../../ports/storage.ts'
import type { Statements } from './statements.ts'

interface Caller {
  now: number
  worker: string
}

/** What an earlier insert by the same idempotency key or given id makes of this one; null: there was none. */
export function earlierInsert(db: Statements, item: NewEvent, tenantKey: number, caller: Caller): InsertResult | null {
  const { event, hash } = item
  if (event.idempotencyKey !== null) {
    const entry = db.get<{ eventId: string; hash: string; expiresAt: number }>(
      `SELECT event_id AS eventId, hash, expires_at AS expiresAt FROM {idempotency} WHERE tenant_key = ? AND key = ?`,
      tenantKey,
      event.idempotencyKey,
    )
    if (entry !== undefined && entry.expiresAt > caller.now) {
      // A generated id that is there already is this very insert, whose answer got lost.
      const repeat = item.idGiven ? null : repeatedInsert(db, item, caller)
      if (repeat !== null) return repeat
      return entry.hash === hash ? duplicateOf(db, entry.eventId) : { status: 'conflict', eventId: entry.eventId }
    }
  }
  if (!item.idGiven) return null
  const row = db.get<{ hash: string | null; tenantKey: number }>(
    'SELECT hash, tenant_key AS tenantKey FROM {event} WHERE id = ?',
    event.id,
  )
  if (row === undefined) return null
  if (row.hash !== hash || row.tenantKey !== tenantKey) return { status: 'conflict', eventId: event.id }
  return duplicateOf(db, event.id)
}

/** The answer to a repeated insert of a generated id: what is left of it by now. Null: the id is new. */
export function repeatedInsert(db: Statements, item: NewEvent, { now, worker }: Caller): InsertResult | null {
  const { id: eventId, tenant } = item.event
  const row = db.get<{ key: number }>('SELECT key FROM {event} WHERE id = ?', eventId)
  if (row === undefined) return null
  const leases = db
    .all<Omit<Lease, 'deliveryId' | 'eventId' | 'tenant' | 'ordered'> & { key: number; ordered: number }>(
      `SELECT d.key, p.id AS endpointId, d.claim, d.round, d.step, d.lost,
        d.ordering_key IS NOT NULL AS ordered, d.leased_at AS leasedAt, d.lease_until AS until
      FROM {delivery} AS d INDEXED BY {delivery_by_event} CROSS JOIN {endpoint} AS p ON p.key = d.endpoint_key
      WHERE d.event_key = ? AND d.state = 1 AND d.claim = 1 AND d.worker = ? AND d.lease_until > ?
      ORDER BY d.created_at, d.key`,
      row.key,
      worker,
      now,
    )
    .map(({ key, ordered, ...lease }) => ({
      deliveryId: deliveryId(key),
      eventId,
      tenant,
      ordered: ordered === 1,
      ...lease,
    }))
  const pending = db.get<{ count: number }>(
    'SELECT count(*) AS count FROM {delivery} INDEXED BY {delivery_by_event} WHERE event_key = ? AND state = 0',
    row.key,
  )
  return { status: 'inserted', leases, pending: pending?.count ?? 0 }
}

/** `deliveries` counts those still kept; null while the fan-out goes on. */
function duplicateOf(db: Statements, eventId: string): InsertResult {
  const row = db.get<{ fansOut: number; deliveries: number }>(
    `SELECT fan_cursor IS NOT NULL AS fansOut,
      (SELECT count(*) FROM {delivery} INDEXED BY {delivery_by_event} WHERE event_key = e.key) AS deliveries
    FROM {event} AS e WHERE e.id = ?`,
    eventId,
  )
  return { status: 'duplicate', eventId, deliveries: row?.fansOut === 1 ? null : (row?.deliveries ?? 0) }
}
