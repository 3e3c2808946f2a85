import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointQuery, Page } from '../../ports/storage.ts'
import { copyOf } from './endpoints.ts'
import { takePage } from './page.ts'
import type { Tables } from './tables.ts'

export function listEndpoints(tables: Tables, query: EndpointQuery): Page<EndpointRecord> {
  const { tenant, states, changedSince } = query
  return takePage(tables.endpointsByCreation.down(query.after), query, {
    placeOf: ({ record, key }) => ({ at: record.createdAt, key }),
    matches: ({ record, deleted }) =>
      !deleted &&
      (tenant === null || record.tenant === tenant) &&
      (states === null || states.includes(record.state)) &&
      (changedSince === null || record.updatedAt >= changedSince),
    record: copyOf,
  })
}
