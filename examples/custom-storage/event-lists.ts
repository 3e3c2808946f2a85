import type { EventProgress, EventQuery, EventRecord, EventSummary, Page } from 'hookferry/storage'
import { under } from './keys.ts'
import { pageOf, rangeDown } from './page.ts'
import { eventRecord } from './records.ts'
import type { EventRow } from './rows.ts'
import type { Reader } from './store/store.ts'
import { deliveries, events } from './tables.ts'

interface Which {
  id: string
  /** Null: whatever its tenant. */
  tenant: string | null
}

export function findEvent(db: Reader, { id, tenant }: Which): EventRow | undefined {
  const row = events.find(db, id)
  return row === undefined || (tenant !== null && row.record.tenant !== tenant) ? undefined : row
}

export function getEvent(db: Reader, which: Which): EventRecord | null {
  const row = findEvent(db, which)
  return row === undefined ? null : eventRecord(db, row)
}

export function eventProgress(db: Reader, which: Which): EventProgress | null {
  const row = findEvent(db, which)
  if (row === undefined) return null
  const counts = { open: 0, delivered: 0, failed: 0, canceled: 0 }
  for (const { state } of deliveries.along(db, under('deliveries-for', which.id))) {
    counts[state === 'pending' || state === 'leased' ? 'open' : state] += 1
  }
  const { record: event, endpointIds, endpointsVersion, fanOutCursor } = row
  return { event, endpointIds, endpointsVersion, fanningOut: fanOutCursor !== null, counts }
}

export function listEvents(db: Reader, query: EventQuery): Page<EventSummary> {
  const { tenant, type } = query
  const index = tenant === null ? ['events'] : ['events-of', tenant]
  return pageOf(events.alongDown(db, rangeDown(index, query)), query, {
    placeOf: ({ record, key }) => ({ at: record.createdAt, key }),
    matches: ({ record }) => type === null || record.type === type,
    record: ({ record }) => record,
  })
}
