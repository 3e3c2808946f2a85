import type { Lease } from '../../model/delivery.ts'
import type { InsertEventsInput, InsertResult, NewEvent } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { earlierInsert, repeatedInsert } from './earlier-insert.ts'
import { isFanOutTaken } from './fan-out-turns.ts'
import { insertDelivery, type Parent } from './insert-delivery.ts'
import { insertEventRow, rememberKey } from './insert-event-row.ts'
import { Lanes } from './lanes.ts'
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
  if (item.fanOut === 'inline' && event.orderingKey !== null && isFanOutTaken(db, tenant.key, event.orderingKey)) {
    return repeatedInsert(db, item, batch) ?? { status: 'fan_out_waits' }
  }
  const eventKey = insertEventRow(db, item, tenant.key)
  if (eventKey === null) {
    const repeat = repeatedInsert(db, item, batch)
    if (repeat === null) throw new Error(`event ${event.id} is neither new nor old`)
    return repeat
  }
  rememberKey(db, item, tenant.key)
  const { id, tenant: name, orderingKey } = event
  return insertDeliveries(db, item, { key: eventKey, id, tenant: name, tenantKey: tenant.key, orderingKey }, batch)
}

function insertDeliveries(db: Connection, item: NewEvent, parent: Parent, batch: Batch): InsertResult {
  const leases: Lease[] = []
  let pending = 0
  if (item.fanOut === 'background') return { status: 'inserted', leases, pending }
  for (const delivery of item.deliveries) {
    const inserted = insertDelivery(db, batch.lanes, parent, delivery, batch)
    if (inserted === 'pending') pending++
    else if (inserted !== 'waiting' && inserted !== null) leases.push(inserted)
  }
  return { status: 'inserted', leases, pending }
}

function tenantOf(db: Connection, name: string, { tenants }: Batch): Tenant {
  let tenant = tenants.get(name)
  if (tenant === undefined) {
    tenant = findTenant(db, name) ?? addTenant(db, name)
    tenants.set(name, tenant)
  }
  return tenant
}
