import { isDeepStrictEqual } from 'node:util'
import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointUpdate } from '../../ports/storage.ts'
import { change, copyOf, findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

export function updateEndpoint(
  tables: Tables,
  { settings, guard = {}, now, ...which }: EndpointUpdate,
): EndpointRecord | 'conflict' | null {
  const row = findEndpoint(tables, which)
  if (row === undefined) return null
  if (!isDeepStrictEqual({ ...row.record, ...guard }, row.record)) return 'conflict'
  const { url, urlVersion } = row.record
  const moved = settings.url !== undefined && settings.url !== url
  change(row, { ...structuredClone(settings), urlVersion: moved ? urlVersion + 1 : urlVersion, updatedAt: now })
  return copyOf(row)
}
