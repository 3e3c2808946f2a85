import type { CancelEventInput, CanceledEvent } from '../../ports/storage.ts'
import { cancel } from './cancel.ts'
import { deliveryRecord, summaryOf } from './records.ts'
import type { Tables } from './tables.ts'

export function cancelEvent(tables: Tables, { id, tenant, now, limit }: CancelEventInput): CanceledEvent | null {
  const event = tables.events.get(id)
  if (event === undefined || (tenant !== null && event.record.tenant !== tenant)) return null
  event.record = { ...event.record, canceledAt: event.record.canceledAt ?? now }
  event.fanOutCursor = null
  tables.fanOuts.delete(event)

  const rows = [...event.deliveries.values()]
  for (const row of rows) if (row.state === 'leased') row.reason = 'event_canceled'
  const pending = rows.filter(({ state }) => state === 'pending').slice(0, limit)
  for (const row of pending) cancel(row, 'event_canceled', now)
  return { event: summaryOf(event), canceled: pending.map(deliveryRecord) }
}
