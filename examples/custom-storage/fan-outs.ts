import type { FanOut, SliceInput } from 'hookferry/storage'
import { insertDelivery } from './insert-delivery.ts'
import { under } from './keys.ts'
import type { Reader, Writer } from './store/store.ts'
import { events } from './tables.ts'
import { endFanOut } from './turns.ts'

/** In the order in which they were written; those that wait for another of their ordering key are not in this index. */
export function pendingFanOuts(db: Reader, { limit }: { limit: number }): FanOut[] {
  return events.take(db, under('fan-out'), limit).flatMap(({ record, fanOut }) => {
    const { id, tenant, type, deliverAt } = record
    return fanOut === null ? [] : [{ event: { id, tenant, type, deliverAt }, ...fanOut }]
  })
}

export function insertSlice(db: Writer, { now, eventId, from, to, deliveries }: SliceInput): boolean {
  const event = events.find(db, eventId)
  if (event === undefined || event.fanOut === null || event.fanOut.cursor !== from) return false
  for (const delivery of deliveries) insertDelivery(db, event, { ...delivery, leaseUntil: null }, now, '')
  event.fanOut = to === null ? null : { ...event.fanOut, cursor: to }
  events.put(db, event)
  if (to === null) endFanOut(db, event)
  return true
}
