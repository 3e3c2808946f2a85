import type { EndpointHealth } from '../model/endpoint.ts'
import type { Observation } from '../ports/storage.ts'

/**
 * The health after what an attempt told, in whichever order attempts end: a success heals what began before it, and a
 * failure that began before a known success tells nothing new. Null: nothing to write.
 */
export function observe(health: Readonly<EndpointHealth>, observation: Observation): EndpointHealth | null {
  return observation.kind === 'success' ? succeed(health, observation.at) : fail(health, observation)
}

function succeed(health: Readonly<EndpointHealth>, at: number): EndpointHealth | null {
  const { failingSince, lastFailureAt, recoveredAt } = health
  if (failingSince === null || at < failingSince) return null
  const recovered = { ...health, recoveredAt: Math.max(recoveredAt ?? at, at), warned: false }
  if (lastFailureAt !== null && lastFailureAt > at) {
    // How many of the failures began after the success is not known; the last one did.
    return { ...recovered, failingSince: lastFailureAt, failures: 1 }
  }
  return { ...recovered, failingSince: null, failures: 0, lastFailureAt: null, struggling: false }
}

function fail(health: Readonly<EndpointHealth>, { at, struggling }: Observation): EndpointHealth | null {
  const { failingSince, failures, lastFailureAt, recoveredAt } = health
  if (recoveredAt !== null && at <= recoveredAt) return null
  const failing = { ...health, failingSince: Math.min(failingSince ?? at, at), failures: failures + 1 }
  const isLast = lastFailureAt === null || at >= lastFailureAt
  return isLast ? { ...failing, lastFailureAt: at, struggling } : failing
}
