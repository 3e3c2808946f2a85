import type { Lease } from '../../model/delivery.ts'
import type { InsertEventsInput, InsertResult, NewEvent } from '../../ports/storage.ts'
import { earlierInsert } from './earlier-insert.ts'
import { type Addressed, address, insertDelivery } from './insert-delivery.ts'
import { type EventRow, nextKey, perTenant, type Tables, tenantOf } from './tables.ts'
import { isWaiting } from './turns.ts'

/** A copy of a new event, with its endpoints found: all that can fail has been done. */
interface Prepared {
  item: NewEvent
  deliveries: Addressed[]
}

export function insertEvents(tables: Tables, { now, worker, events }: InsertEventsInput): InsertResult[] {
  const prepared = events.map((item) => prepare(tables, item))
  return prepared.map((event) => insertEvent(tables, event, now, worker))
}

function prepare(tables: Tables, item: NewEvent): Prepared {
  const { headers, metadata, ...event } = item.event
  return {
    item: {
      ...item,
      event: { ...event, headers: { ...headers }, metadata: { ...metadata } },
      endpointIds: item.endpointIds === null ? null : [...item.endpointIds],
    },
    deliveries: item.fanOut === 'inline' ? address(tables, item.deliveries) : [],
  }
}

function insertEvent(tables: Tables, { item, deliveries }: Prepared, now: number, worker: string): InsertResult {
  const earlier = earlierInsert(tables, item, now, worker)
  if (earlier !== null) return earlier
  if (tenantOf(tables, item.event.tenant).version !== item.endpointsVersion) return { status: 'endpoints_changed' }
  if (item.fanOut === 'inline' && hasEarlierFanOut(tables, item)) return { status: 'fan_out_waits' }

  const event = insertRow(tables, item)
  const leases: Lease[] = []
  for (const delivery of deliveries) {
    const lease = insertDelivery(tables, event, delivery, now, worker)
    if (lease !== null) leases.push(lease)
  }
  const waiting = [...event.deliveries.values()].filter(isWaiting).length
  return { status: 'inserted', leases, pending: event.deliveries.size - leases.length - waiting }
}

/** Written now, its deliveries would overtake those that are still to come. */
function hasEarlierFanOut(tables: Tables, { event: { tenant, orderingKey } }: NewEvent): boolean {
  if (orderingKey === null) return false
  for (const { record } of tables.fanOuts) {
    if (record.tenant === tenant && record.orderingKey === orderingKey) return true
  }
  return false
}

function insertRow(tables: Tables, item: NewEvent): EventRow {
  const { event, hash, endpointsVersion, endpointIds, idempotencyExpiresAt } = item
  const row: EventRow = {
    key: nextKey(tables),
    record: event,
    hash,
    endpointsVersion,
    endpointIds,
    fanOutCursor: item.fanOut === 'background' ? '' : null,
    deliveries: new Map(),
  }
  tables.events.set(event.id, row)
  tables.eventsByCreation.add(row)
  tables.bytes += event.body.byteLength
  if (row.fanOutCursor !== null) tables.fanOuts.add(row)
  if (event.idempotencyKey !== null && idempotencyExpiresAt !== null) {
    const entry = { eventId: event.id, hash, expiresAt: idempotencyExpiresAt }
    tables.idempotency.set(perTenant(event.tenant, event.idempotencyKey), entry)
  }
  return row
}
