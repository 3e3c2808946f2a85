import type { EndpointRecord } from '../../model/endpoint.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findEndpoint } from './endpoints.ts'

export function getEndpoint(db: Connection, input: { id: string; tenant: string | null }): EndpointRecord | null {
  const row = findEndpoint(db, input)
  return row === undefined ? null : endpointOf(row)
}
