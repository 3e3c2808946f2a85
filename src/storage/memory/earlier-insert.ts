import type { Lease } from '../../model/delivery.ts'
import type { InsertResult, NewEvent } from '../../ports/storage.ts'
import { leaseOf } from './records.ts'
import { type EventRow, perTenant, type Tables } from './tables.ts'
import { isWaiting } from './turns.ts'

/** What an insert made before makes of this one; null: there was none. */
export function earlierInsert(tables: Tables, item: NewEvent, now: number, worker: string): InsertResult | null {
  const { event, hash, idGiven } = item
  const sameId = tables.events.get(event.id)
  if (sameId !== undefined && !idGiven) return repeated(sameId, now, worker)

  if (event.idempotencyKey !== null) {
    const entry = tables.idempotency.get(perTenant(event.tenant, event.idempotencyKey))
    if (entry !== undefined && entry.expiresAt > now) {
      return entry.hash === hash ? duplicate(tables, entry.eventId) : { status: 'conflict', eventId: entry.eventId }
    }
  }
  if (sameId === undefined) return null
  return sameId.hash === hash && sameId.record.tenant === event.tenant
    ? duplicate(tables, event.id)
    : { status: 'conflict', eventId: event.id }
}

/** The same generated id: this very insert, whose answer got lost. What is left of it by now. */
function repeated({ deliveries }: EventRow, now: number, worker: string): InsertResult {
  const leases: Lease[] = []
  let pending = 0
  for (const row of deliveries.values()) {
    if (row.state === 'pending' && !isWaiting(row)) pending += 1
    if (row.lease === null || row.claim !== 1) continue
    if (row.lease.worker === worker && row.lease.until > now) leases.push(leaseOf(row, row.lease))
  }
  return { status: 'inserted', leases, pending }
}

/** `deliveries` counts those still kept. */
function duplicate(tables: Tables, eventId: string): InsertResult {
  const event = tables.events.get(eventId)
  const fansOut = event !== undefined && event.fanOutCursor !== null
  return { status: 'duplicate', eventId, deliveries: fansOut ? null : (event?.deliveries.size ?? 0) }
}
