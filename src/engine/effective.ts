import type { EndpointRecord } from '../model/endpoint.ts'
import type { AttemptLimits } from '../pipeline/deliver.ts'
import type { RetryPolicy } from '../pipeline/retry.ts'
import type { PermitSubject } from './permits.ts'
import type { Settings } from './settings.ts'
import type { Weather } from './weather.ts'

/** What holds for one endpoint: the sender's settings with the endpoint's overrides merged over them, field by field. */

/** Kept of a successful response's body, and of any response's headers. */
const SUCCESS_BODY_MAX_BYTES = 1_024
const RESPONSE_HEADERS_MAX_BYTES = 8_192

export function retryOf(endpoint: EndpointRecord | undefined, sender: Settings): RetryPolicy {
  const own = endpoint?.overrides.retry
  return own === undefined ? sender.retry : { ...sender.retry, ...own }
}

export function attemptLimitsOf(endpoint: EndpointRecord, sender: Settings): AttemptLimits {
  const own = endpoint.overrides.attempt
  const { deadlineMs, connectMs, responseBodyMaxBytes } =
    own === undefined ? sender.attempt : { ...sender.attempt, ...own }
  return {
    deadlineMs,
    connectMs: Math.min(connectMs, deadlineMs),
    responseBodyMaxBytes,
    successBodyMaxBytes: Math.min(SUCCESS_BODY_MAX_BYTES, responseBodyMaxBytes),
    responseHeadersMaxBytes: RESPONSE_HEADERS_MAX_BYTES,
  }
}

export function leaseMsOf(endpoint: EndpointRecord | undefined, sender: Settings): number {
  return (endpoint?.overrides.attempt?.deadlineMs ?? sender.attempt.deadlineMs) + sender.lease.marginMs
}

export function permitSubjectOf(endpoint: EndpointRecord, weather: Weather, sender: Settings): PermitSubject {
  return {
    id: endpoint.id,
    concurrency: Math.min(endpoint.overrides.concurrency ?? sender.concurrency.perEndpoint, weather.slotsOf(endpoint)),
    rateLimit: endpoint.overrides.rateLimit ?? null,
    struggling: weather.isStruggling(endpoint),
  }
}
