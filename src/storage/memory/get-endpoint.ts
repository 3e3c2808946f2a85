import type { EndpointRecord } from '../../model/endpoint.ts'
import { copyOf, findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

export function getEndpoint(tables: Tables, input: { id: string; tenant: string | null }): EndpointRecord | null {
  const row = findEndpoint(tables, input)
  return row === undefined ? null : copyOf(row)
}
