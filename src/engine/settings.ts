import type { DisablePolicy } from '../pipeline/disable.ts'
import type { RetryPolicy } from '../pipeline/retry.ts'

/** The options with every default filled in, but for what is loaded lazily. */
export interface Settings {
  requireTenant: boolean
  retry: RetryPolicy
  disable: DisablePolicy | false
  hold: { maxAgeMs: number }
  concurrency: { total: number; perEndpoint: number }
  attempt: { deadlineMs: number; connectMs: number; responseBodyMaxBytes: number }
  lease: { marginMs: number }
  pollMs: number
  acceptQueueMax: { count: number; bytes: number }
  acceptTimeoutMs: number
  network: { allowHttp: boolean; allowRanges: string[]; denyRanges: string[] }
  idempotencyMs: number
  retention: { deliveredMs: number; failedMs: number }
  payloadMaxBytes: number
}
