import type { InsertEventsInput, InsertResult, Lease, NewEvent } from 'hookferry/storage'
import { earlierInsert } from './earlier-insert.ts'
import { insertDelivery } from './insert-delivery.ts'
import { meetTenant } from './lanes.ts'
import { leaseOf, textOf } from './records.ts'
import type { EventRow } from './rows.ts'
import type { Writer } from './store/store.ts'
import { bodyKey, events, idempotency, nextKey } from './tables.ts'
import { fanOutGoesOn } from './turns.ts'

export function insertEvents(db: Writer, { now, worker, events }: InsertEventsInput): InsertResult[] {
  return events.map((item) => insertEvent(db, item, now, worker))
}

/** What was written before is answered first: neither a repeat nor a duplicate is refused because the endpoints changed since. */
function insertEvent(db: Writer, item: NewEvent, now: number, worker: string): InsertResult {
  const { tenant, orderingKey } = item.event
  const earlier = earlierInsert(db, item, now, worker)
  if (earlier !== null) return earlier
  if (meetTenant(db, tenant) !== item.endpointsVersion) return { status: 'endpoints_changed' }
  const behind = fanOutGoesOn(db, tenant, orderingKey)
  if (behind && item.fanOut === 'inline') return { status: 'fan_out_waits' }

  const event = insertRow(db, item, behind)
  const leases: Lease[] = []
  let pending = 0
  if (item.fanOut === 'inline') {
    for (const delivery of item.deliveries) {
      const row = insertDelivery(db, event, delivery, now, worker)
      if (row?.lease) leases.push(leaseOf(row, row.lease))
      else if (row?.waits === false) pending += 1
    }
    events.put(db, event)
  }
  return { status: 'inserted', leases, pending }
}

function insertRow(db: Writer, item: NewEvent, behind: boolean): EventRow {
  const { event, hash, endpointsVersion, endpointIds, idempotencyExpiresAt } = item
  const { body, ...record } = event
  const row: EventRow = {
    key: nextKey(db),
    record,
    hash,
    endpointsVersion,
    endpointIds,
    fanOutCursor: item.fanOut === 'background' ? '' : null,
    fanOutWaits: behind,
    deliveries: 0,
  }
  events.put(db, row)
  db.set(bodyKey(event.id), textOf(body))
  const { tenant, idempotencyKey } = event
  if (idempotencyKey !== null && idempotencyExpiresAt !== null) {
    // Takes the place of one that has expired.
    idempotency.put(db, { tenant, idempotencyKey, eventId: event.id, hash, expiresAt: idempotencyExpiresAt })
  }
  return row
}
