/** `paused` by a person, `disabled` by policy. Deliveries of both are held. */
export type EndpointState = 'active' | 'paused' | 'disabled'

/** Why an endpoint is disabled. */
export type DisableReason = 'gone' | 'failing' | 'decided'

/** One signing secret of an endpoint, in its written form (`whsec_…` or `whsk_…`). */
export interface EndpointSecret {
  value: string
  createdAt: number
  /** From then on it no longer signs; null: for good. */
  expiresAt: number | null
}

/** How an endpoint has fared since its last success. */
export interface EndpointHealth {
  /** When the first failure since the last success began; null: healthy. */
  failingSince: number | null
  /** Failed attempts since then. */
  failures: number
  /** The last success that ended a run of failures; successes of a healthy endpoint are not written. */
  recoveredAt: number | null
  lastFailureAt: number | null
  /** The last attempt timed out or did not connect: one slot until it succeeds. */
  struggling: boolean
  /** Whether `endpoint.failing` was told for this run of failures. */
  warned: boolean
}

export const HEALTHY: Readonly<EndpointHealth> = Object.freeze({
  failingSince: null,
  failures: 0,
  recoveredAt: null,
  lastFailureAt: null,
  struggling: false,
  warned: false,
})

/** At most `limit` attempts per `perMs` milliseconds, in each process. */
export interface RateLimit {
  limit: number
  perMs: number
}

/** What an endpoint sets otherwise than the sender. Left out: the sender's setting. */
export interface EndpointOverrides {
  retry?: { delaysMs?: number[]; jitter?: number; retryAfterMaxMs?: number }
  concurrency?: number
  rateLimit?: RateLimit
  attempt?: { deadlineMs?: number; connectMs?: number; responseBodyMaxBytes?: number }
  allowRanges?: string[]
}

/** What a person chose for an endpoint. */
export interface EndpointSettings {
  url: string
  /** Patterns by dot segments; null: every type. */
  eventTypes: string[] | null
  description: string | null
  headers: Record<string, string>
  secrets: EndpointSecret[]
  overrides: EndpointOverrides
  metadata: Record<string, string>
}

/** Where a customer listens, as stored. Times are epoch milliseconds. */
export interface EndpointRecord extends EndpointSettings {
  id: string
  tenant: string
  /** Counts the changes of `url`, so that a verdict about an old URL never disables the new one. */
  urlVersion: number
  state: EndpointState
  stateReason: string | null
  stateChangedAt: number
  health: EndpointHealth
  createdAt: number
  updatedAt: number
  /** The tenant's endpoint-set version at which this endpoint was created. */
  createdVersion: number
}
