import type { EndpointHealth } from '../../model/endpoint.ts'

/** The health alone, of a row that holds more. */
export function healthOf(row: EndpointHealth): EndpointHealth {
  const { failingSince, failures, recoveredAt, lastFailureAt, struggling, warned } = row
  return { failingSince, failures, recoveredAt, lastFailureAt, struggling, warned }
}
