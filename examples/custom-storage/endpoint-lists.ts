import type { EndpointChanges, EndpointQuery, EndpointRecord, Page } from 'hookferry/storage'
import { key, under } from './keys.ts'
import { pageOf, rangeDown } from './page.ts'
import { endpointRecord } from './records.ts'
import type { EndpointRow } from './rows.ts'
import type { Reader } from './store/store.ts'
import { first } from './table.ts'
import { endpoints, lanes, tenants } from './tables.ts'

/** Endpoints told by one call: reading many would take long. */
const CHANGES_MAX = 500

export function listEndpoints(db: Reader, query: EndpointQuery): Page<EndpointRecord> {
  const { tenant, states, changedSince } = query
  const index = tenant === null ? ['endpoints'] : ['endpoints-of', tenant]
  return pageOf(endpoints.alongDown(db, rangeDown(index, query)), query, {
    placeOf: ({ record, key }) => ({ at: record.createdAt, key }),
    matches: ({ record }) =>
      (states === null || states.includes(record.state)) && (changedSince === null || record.updatedAt >= changedSince),
    record: (row) => recordOf(db, row),
  })
}

/** Each endpoint stands along `changed` once, at its last change. */
export function endpointChanges(
  db: Reader,
  { tenant, since }: { tenant: string; since: number },
): EndpointChanges | null {
  const version = tenants.find(db, tenant)?.version ?? 0
  if (version === since) return null
  const after = { ...under('changed', tenant), from: key('changed', tenant, since + 1) }
  const rows = first(endpoints.along(db, after), CHANGES_MAX + 1)
  const told = rows.slice(0, CHANGES_MAX)
  const more = rows.length > told.length
  return {
    version: more ? (told.at(-1)?.version ?? version) : version,
    changed: told.filter(({ deleted }) => !deleted).map((row) => recordOf(db, row)),
    deletedIds: told.filter(({ deleted }) => deleted).map(({ record }) => record.id),
    more,
  }
}

function recordOf(db: Reader, row: EndpointRow): EndpointRecord {
  return endpointRecord(row, lanes.get(db, row.record.id))
}
