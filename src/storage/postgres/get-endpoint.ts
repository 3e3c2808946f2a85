import type { EndpointRecord } from '../../model/endpoint.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findEndpoint } from './endpoints.ts'

export async function getEndpoint(
  db: Connection,
  input: { id: string; tenant: string | null },
): Promise<EndpointRecord | null> {
  const row = await findEndpoint(db, input)
  return row === undefined ? null : endpointOf(row)
}
