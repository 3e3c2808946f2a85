import type { Lease } from '../../model/delivery.ts'
import type { InsertEventsInput, InsertResult, NewEvent } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { earlierInsert, repeatedInsert } from './earlier-insert.ts'
import { insertDelivery } from './insert-delivery.ts'
import { Lanes } from './lanes.ts'
import { textOf } from './rows.ts'
import { addTenant, findTenant, type Tenant } from './tenants.ts'

interface Batch {
  now: number
  worker: string
  lanes: Lanes
  tenants: Map<string, Tenant>
}

export function insertEvents(db: Connection, { now, worker, events }: InsertEventsInput): InsertResult[] {
  const batch: Batch = { now, worker, lanes: new Lanes(db, now), tenants: new Map() }
  const results = events.map((event) => insertEvent(db, event, batch))
  batch.lanes.flush()
  return results
}

function insertEvent(db: Connection, item: NewEvent, batch: Batch): InsertResult {
  const { event } = item
  const tenant = tenantOf(db, event.tenant, batch)
  const earlier = earlierInsert(db, item, tenant.key, batch)
  if (earlier !== null) return earlier
  if (tenant.version !== item.endpointsVersion) {
    return repeatedInsert(db, item, batch) ?? { status: 'endpoints_changed' }
  }
  const eventKey = insertRow(db, item, tenant.key)
  if (eventKey === null) {
    const repeat = repeatedInsert(db, item, batch)
    if (repeat === null) throw new Error(`event ${event.id} is neither new nor old`)
    return repeat
  }
  if (event.idempotencyKey !== null) rememberKey(db, item, event.idempotencyKey, tenant.key)

  const deliveries = item.fanOut === 'inline' ? item.deliveries : []
  const parent = { key: eventKey, id: event.id, tenant: event.tenant, tenantKey: tenant.key }
  const leases: Lease[] = []
  for (const delivery of deliveries) {
    const lease = insertDelivery(db, batch.lanes, parent, delivery, batch)
    if (lease !== null) leases.push(lease)
  }
  return { status: 'inserted', leases, pending: deliveries.length - leases.length }
}

function tenantOf(db: Connection, name: string, { tenants }: Batch): Tenant {
  let tenant = tenants.get(name)
  if (tenant === undefined) {
    tenant = findTenant(db, name) ?? addTenant(db, name)
    tenants.set(name, tenant)
  }
  return tenant
}

/** Null: the id is there already. */
function insertRow(db: Connection, item: NewEvent, tenantKey: number): number | null {
  const { event, fanOut } = item
  const { changes, key } = db.run(
    `INSERT INTO {event} (id, tenant_key, created_at, occurred_at, deliver_at, canceled_at, bare, fan_version, fan_cursor,
      type, ordering_key, idempotency_key, hash, content_type, headers, metadata, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    event.id,
    tenantKey,
    event.createdAt,
    event.occurredAt,
    event.deliverAt,
    event.canceledAt,
    fanOut === 'inline' && item.deliveries.length === 0 ? 1 : 0,
    item.endpointsVersion,
    fanOut === 'inline' ? null : '',
    event.type,
    event.orderingKey,
    event.idempotencyKey,
    item.idGiven ? item.hash : null,
    event.contentType,
    textOf(event.headers),
    textOf(event.metadata),
    event.body,
  )
  return changes === 1 ? key : null
}

/** Replaces an entry that has expired; one still in force was found before. */
function rememberKey(db: Connection, item: NewEvent, idempotencyKey: string, tenantKey: number): void {
  db.run(
    'INSERT OR REPLACE INTO {idempotency} (tenant_key, key, expires_at, event_id, hash) VALUES (?, ?, ?, ?, ?)',
    tenantKey,
    idempotencyKey,
    item.idempotencyExpiresAt ?? item.event.createdAt,
    item.event.id,
    item.hash,
  )
}
