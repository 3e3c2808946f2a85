import type { EndpointHealth } from '../../model/endpoint.ts'

/** An endpoint's health as stored: flags are 0 or 1. */
export interface Health {
  failingSince: number | null
  failures: number
  recoveredAt: number | null
  lastFailureAt: number | null
  struggling: number
  warned: number
}

export function healthOf({
  failingSince,
  failures,
  recoveredAt,
  lastFailureAt,
  struggling,
  warned,
}: Health): EndpointHealth {
  return { failingSince, failures, recoveredAt, lastFailureAt, struggling: struggling === 1, warned: warned === 1 }
}

export function storedHealth(health: EndpointHealth): Health {
  return { ...health, struggling: health.struggling ? 1 : 0, warned: health.warned ? 1 : 0 }
}
