import type { EndpointHealth } from '../../model/endpoint.ts'
import type { Observation } from '../../ports/storage.ts'

/**
 * Applies what an attempt told, in whichever order attempts end: a success heals what began before it, and a failure that
 * began before a known success tells nothing new. Returns whether anything changed.
 */
export function observe(health: EndpointHealth, observation: Observation): boolean {
  return observation.kind === 'success' ? succeed(health, observation.at) : fail(health, observation)
}

export function healthOf(health: EndpointHealth): EndpointHealth {
  return {
    failingSince: health.failingSince,
    failures: health.failures,
    recoveredAt: health.recoveredAt,
    lastFailureAt: health.lastFailureAt,
    struggling: health.struggling,
    warned: health.warned,
  }
}

function succeed(health: EndpointHealth, at: number): boolean {
  if (health.failingSince === null || at < health.failingSince) return false
  health.recoveredAt = Math.max(health.recoveredAt ?? at, at)
  health.warned = false
  if (health.lastFailureAt !== null && health.lastFailureAt > at) {
    // How many of the failures began after the success is not known; the last one did.
    health.failingSince = health.lastFailureAt
    health.failures = 1
  } else {
    health.failingSince = null
    health.failures = 0
    health.lastFailureAt = null
    health.struggling = false
  }
  return true
}

function fail(health: EndpointHealth, { at, struggling }: Observation): boolean {
  if (health.recoveredAt !== null && at <= health.recoveredAt) return false
  health.failingSince = Math.min(health.failingSince ?? at, at)
  health.failures++
  if (health.lastFailureAt === null || at >= health.lastFailureAt) {
    health.lastFailureAt = at
    health.struggling = struggling
  }
  return true
}
