import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointUpdate } from '../../ports/storage.ts'
import { change, copyOf, findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

export function updateEndpoint(
  tables: Tables,
  { settings, ifOverrides, now, ...which }: EndpointUpdate,
): EndpointRecord | 'conflict' | null {
  const row = findEndpoint(tables, which)
  if (row === undefined) return null
  const { url, urlVersion, overrides } = row.record
  if (ifOverrides !== undefined && JSON.stringify(ifOverrides) !== JSON.stringify(overrides)) return 'conflict'
  const moved = settings.url !== undefined && settings.url !== url
  change(row, { ...structuredClone(settings), urlVersion: moved ? urlVersion + 1 : urlVersion, updatedAt: now })
  return copyOf(row)
}
