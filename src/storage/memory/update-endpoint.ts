import type { EndpointRecord, EndpointSettings } from '../../model/endpoint.ts'
import { change, copyOf, findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

interface UpdateInput {
  id: string
  tenant: string | null
  settings: Partial<EndpointSettings>
  now: number
}

export function updateEndpoint(tables: Tables, { settings, now, ...which }: UpdateInput): EndpointRecord | null {
  const row = findEndpoint(tables, which)
  if (row === undefined) return null
  const { url, urlVersion } = row.record
  const moved = settings.url !== undefined && settings.url !== url
  change(row, { ...structuredClone(settings), urlVersion: moved ? urlVersion + 1 : urlVersion, updatedAt: now })
  return copyOf(row)
}
