import type { FanOut, SliceInput } from 'hookferry/storage'
import { insertDelivery } from './insert-delivery.ts'
import { under } from './keys.ts'
import type { Reader, Writer } from './store/store.ts'
import { events } from './tables.ts'
import { endFanOut } from './turns.ts'

/** In the order in which they were written; those that wait for another of their ordering key are not in this index. */
export function pendingFanOuts(db: Reader, { limit }: { limit: number }): FanOut[] {
  return events.take(db, under('fan-out'), limit).flatMap((row) => {
    const { endpointsVersion, endpointIds, fanOutCursor: cursor } = row
    const { id, tenant, type, deliverAt } = row.record
    return cursor === null ? [] : [{ event: { id, tenant, type, deliverAt }, endpointsVersion, endpointIds, cursor }]
  })
}

export function insertSlice(db: Writer, { now, eventId, from, to, deliveries }: SliceInput): boolean {
  const event = events.find(db, eventId)
  if (event === undefined || event.fanOutCursor !== from) return false
  for (const delivery of deliveries) insertDelivery(db, event, { ...delivery, leaseUntil: null }, now, '')
  event.fanOutCursor = to
  events.put(db, event)
  if (to === null) endFanOut(db, event)
  return true
}
