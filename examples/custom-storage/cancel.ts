import type { CancelEventInput, CanceledEvent, DeliveryReason } from 'hookferry/storage'
import { findEvent } from './event-lists.ts'
import { under } from './keys.ts'
import { saveDelivery } from './lanes.ts'
import { deliveryRecord } from './records.ts'
import type { DeliveryRow } from './rows.ts'
import type { Writer } from './store/store.ts'
import { deliveries, events } from './tables.ts'
import { endFanOut, endTurn } from './turns.ts'

/** One that is not leased comes to rest; the next of its ordering key is due at its own time. */
export function cancel(db: Writer, row: DeliveryRow, reason: DeliveryReason, now: number): DeliveryRow {
  const ended = { ...row, state: 'canceled' as const, reason, endedAt: now, waits: false }
  saveDelivery(db, ended, now)
  endTurn(db, ended, now, 0)
  return ended
}

/** A leased one is not taken from its worker: it bears the reason, by which it is canceled instead of being pending again. */
export function cancelEvent(db: Writer, input: CancelEventInput): CanceledEvent | null {
  const { now, limit } = input
  const event = findEvent(db, input)
  if (event === undefined) return null
  const record = { ...event.record, canceledAt: event.record.canceledAt ?? now }
  events.put(db, { ...event, record, fanOutCursor: null })
  if (event.fanOutCursor !== null) endFanOut(db, event)

  const rows = [...deliveries.along(db, under('deliveries-for', record.id))]
  for (const row of rows) {
    if (row.state === 'leased') deliveries.put(db, { ...row, reason: 'event_canceled' })
  }
  const pending = rows.filter(({ state }) => state === 'pending').slice(0, limit)
  const canceled = pending.map((row) => deliveryRecord(cancel(db, row, 'event_canceled', now)))
  return { event: record, canceled }
}
