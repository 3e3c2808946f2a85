import type { EndpointRecord } from '../model/endpoint.ts'
import type { AttemptLimits } from '../pipeline/deliver.ts'
import type { RetryPolicy } from '../pipeline/retry.ts'
import type { PermitSubject } from './permits.ts'
import type { Settings } from './settings.ts'

/** What holds for one endpoint: the sender's settings with the endpoint's overrides merged over them, field by field. */

/** Kept of a successful response's body, and of any response's headers. */
const SUCCESS_BODY_MAX_BYTES = 1_024
const RESPONSE_HEADERS_MAX_BYTES = 8_192

export function retryOf(endpoint: EndpointRecord | undefined, sender: Settings): RetryPolicy {
  return { ...sender.retry, ...endpoint?.overrides.retry }
}

export function attemptLimitsOf(endpoint: EndpointRecord, sender: Settings): AttemptLimits {
  const merged = { ...sender.attempt, ...endpoint.overrides.attempt }
  return {
    deadlineMs: merged.deadlineMs,
    connectMs: Math.min(merged.connectMs, merged.deadlineMs),
    responseBodyMaxBytes: merged.responseBodyMaxBytes,
    successBodyMaxBytes: Math.min(SUCCESS_BODY_MAX_BYTES, merged.responseBodyMaxBytes),
    responseHeadersMaxBytes: RESPONSE_HEADERS_MAX_BYTES,
  }
}

export function leaseMsOf(endpoint: EndpointRecord | undefined, sender: Settings): number {
  return (endpoint?.overrides.attempt?.deadlineMs ?? sender.attempt.deadlineMs) + sender.lease.marginMs
}

export function permitSubjectOf(endpoint: EndpointRecord, struggling: boolean, sender: Settings): PermitSubject {
  return {
    id: endpoint.id,
    concurrency: endpoint.overrides.concurrency ?? sender.concurrency.perEndpoint,
    rateLimit: endpoint.overrides.rateLimit ?? null,
    struggling,
  }
}
