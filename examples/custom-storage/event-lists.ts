import type { EventQuery, EventRecord, EventSummary, Page } from 'hookferry/storage'
import { pageOf, rangeDown } from './page.ts'
import { eventRecord } from './records.ts'
import type { Reader } from './store/store.ts'
import { events } from './tables.ts'

export function getEvent(db: Reader, { id, tenant }: { id: string; tenant: string | null }): EventRecord | null {
  const row = events.find(db, id)
  if (row === undefined || (tenant !== null && row.record.tenant !== tenant)) return null
  return eventRecord(db, row)
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
