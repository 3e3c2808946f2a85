import type { EndpointHealth } from '../../model/endpoint.ts'
import type { Observation } from '../../ports/storage.ts'

/** An endpoint's health as stored: flags are 0 or 1. */
export interface Health {
  failingSince: number | null
  failures: number
  recoveredAt: number | null
  lastFailureAt: number | null
  struggling: number
  warned: number
}

/**
 * Applies what an attempt told, in whichever order attempts end: a success heals what began before it, and a failure that
 * began before a known success tells nothing new. Returns whether anything changed.
 */
export function observe(health: Health, observation: Observation): boolean {
  return observation.kind === 'success' ? succeed(health, observation.at) : fail(health, observation)
}

export function healthOf(health: Health): EndpointHealth {
  return {
    failingSince: health.failingSince,
    failures: health.failures,
    recoveredAt: health.recoveredAt,
    lastFailureAt: health.lastFailureAt,
    struggling: health.struggling === 1,
    warned: health.warned === 1,
  }
}

function succeed(health: Health, at: number): boolean {
  if (health.failingSince === null || at < health.failingSince) return false
  health.recoveredAt = Math.max(health.recoveredAt ?? at, at)
  health.warned = 0
  if (health.lastFailureAt !== null && health.lastFailureAt > at) {
    // How many of the failures began after the success is not known; the last one did.
    health.failingSince = health.lastFailureAt
    health.failures = 1
  } else {
    health.failingSince = null
    health.failures = 0
    health.lastFailureAt = null
    health.struggling = 0
  }
  return true
}

function fail(health: Health, { at, struggling }: Observation): boolean {
  if (health.recoveredAt !== null && at <= health.recoveredAt) return false
  health.failingSince = Math.min(health.failingSince ?? at, at)
  health.failures++
  if (health.lastFailureAt === null || at >= health.lastFailureAt) {
    health.lastFailureAt = at
    health.struggling = struggling ? 1 : 0
  }
  return true
}
