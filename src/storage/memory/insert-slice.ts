import type { SliceInput } from '../../ports/storage.ts'
import { address, insertDelivery } from './insert-delivery.ts'
import type { Tables } from './tables.ts'

export function insertSlice(tables: Tables, { now, eventId, from, to, deliveries }: SliceInput): boolean {
  const event = tables.events.get(eventId)
  if (event === undefined || event.fanOutCursor !== from) return false
  for (const delivery of address(tables, deliveries)) {
    insertDelivery(tables, event, { ...delivery, leaseUntil: null }, now, '')
  }
  event.fanOutCursor = to
  if (to === null) tables.fanOuts.delete(event)
  return true
}
