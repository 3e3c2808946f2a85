import type { EventSummary } from '../../model/event.ts'
import type { EventQuery, Page } from '../../ports/storage.ts'
import { takePage } from './page.ts'
import { summaryOf } from './records.ts'
import type { Tables } from './tables.ts'

export function listEvents(tables: Tables, query: EventQuery): Page<EventSummary> {
  const { tenant, type, since, until } = query
  return takePage(tables.eventsByCreation.down(query.after), query, {
    placeOf: ({ record, key }) => ({ at: record.createdAt, key }),
    matches: ({ record }) =>
      (tenant === null || record.tenant === tenant) &&
      (type === null || record.type === type) &&
      (since === null || record.createdAt >= since) &&
      (until === null || record.createdAt < until),
    record: summaryOf,
  })
}
