import type { InsertResult, Lease, NewEvent } from 'hookferry/storage'
import { key, under } from './keys.ts'
import { leaseOf } from './records.ts'
import type { EventRow } from './rows.ts'
import type { Reader } from './store/store.ts'
import { deliveries, events, idempotency } from './tables.ts'

/** What an insert made before makes of this one; null: there was none. */
export function earlierInsert(db: Reader, item: NewEvent, now: number, worker: string): InsertResult | null {
  const { event, hash, idGiven } = item
  const sameId = events.find(db, event.id)
  if (sameId !== undefined && !idGiven) return repeated(db, sameId, now, worker)

  if (event.idempotencyKey !== null) {
    const entry = idempotency.find(db, key(event.tenant, event.idempotencyKey))
    if (entry !== undefined && entry.expiresAt > now) {
      return entry.hash === hash ? duplicate(db, entry.eventId) : { status: 'conflict', eventId: entry.eventId }
    }
  }
  if (sameId === undefined) return null
  return sameId.hash === hash && sameId.record.tenant === event.tenant
    ? duplicate(db, event.id)
    : { status: 'conflict', eventId: event.id }
}

/** The same generated id: this very insert, whose answer got lost. What is left of it by now. */
function repeated(db: Reader, { record }: EventRow, now: number, worker: string): InsertResult {
  const leases: Lease[] = []
  let pending = 0
  for (const row of deliveries.along(db, under('deliveries-for', record.id))) {
    if (row.state === 'pending' && !row.waits) pending += 1
    const { lease } = row
    if (lease !== null && row.claim === 1 && lease.worker === worker && lease.until > now) {
      leases.push(leaseOf(row, lease))
    }
  }
  return { status: 'inserted', leases, pending }
}

/** Its event may be gone while the key is still in force. */
function duplicate(db: Reader, eventId: string): InsertResult {
  const event = events.find(db, eventId)
  const fansOut = event !== undefined && event.fanOutCursor !== null
  return { status: 'duplicate', eventId, deliveries: fansOut ? null : (event?.deliveries ?? 0) }
}
