/** `paused` by a person, `disabled` by policy. Deliveries of both are held. */
export type EndpointState = 'active' | 'paused' | 'disabled'

/** Why an endpoint is disabled. */
export type DisableReason = 'gone' | 'failing' | 'decided'

/** One signing secret of an endpoint, in its written form (`whsec_…` or `whsk_…`). */
export interface EndpointSecret {
  /** The secret itself. */
  value: string
  /** When it was given or made: the newest signs first. */
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
  /** When the last failure since the last success began; null: there is none. */
  lastFailureAt: number | null
  /** The last attempt timed out or did not connect: one slot until it succeeds. */
  struggling: boolean
  /** Whether `endpoint.failing` was told for this run of failures. */
  warned: boolean
}

/** The health of an endpoint that has not failed yet. */
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
  /** Attempts, 1 to 1,000,000. */
  limit: number
  /** Milliseconds, 1 to 86,400,000 (a day). */
  perMs: number
}

/** What an endpoint sets otherwise than the sender. Left out: the sender's setting. */
export interface EndpointOverrides {
  /** In place of the sender's `retry`: `delaysMs`, `jitter` and `retryAfterMaxMs`, each by itself. */
  retry?: { delaysMs?: number[]; jitter?: number; retryAfterMaxMs?: number }
  /** In place of the sender's `concurrency.perEndpoint`. */
  concurrency?: number
  /** Left out: no limit. */
  rateLimit?: RateLimit
  /** In place of the sender's `attempt`: `deadlineMs`, `connectMs` and `responseBodyMaxBytes`, each by itself. */
  attempt?: { deadlineMs?: number; connectMs?: number; responseBodyMaxBytes?: number }
  /** CIDR ranges allowed besides those of the sender's `network.allowRanges`. */
  allowRanges?: string[]
  /** Names of the schemes that sign for it. */
  signing?: string[]
}

/** What a person chose for an endpoint. */
export interface EndpointSettings {
  /** Where requests go. */
  url: string
  /** Patterns by dot segments; null: every type. */
  eventTypes: string[] | null
  /** For people. */
  description: string | null
  /** Sent with every request to it. Tokens stand there: the records of attempts do not hold the values. */
  headers: Record<string, string>
  /** Those that sign, and those that did; a storage keeps them as they come. */
  secrets: EndpointSecret[]
  /** What it sets otherwise than the sender. */
  overrides: EndpointOverrides
  /** The owner's own, never sent. */
  metadata: Record<string, string>
}

/** Where a customer listens, as stored. Times are epoch milliseconds. */
export interface EndpointRecord extends EndpointSettings {
  /** `ep_…`. */
  id: string
  /** Whose it is. */
  tenant: string
  /** Counts the changes of `url`, so that a verdict about an old URL never disables the new one. */
  urlVersion: number
  /** Whether it is delivered to. */
  state: EndpointState
  /** A `DisableReason`, or what a person gave to `pause`; null otherwise. */
  stateReason: string | null
  /** When it entered its state. */
  stateChangedAt: number
  /** How it fares. */
  health: EndpointHealth
  /** When it was made. */
  createdAt: number
  /** When its settings or its state last changed; health does not count. */
  updatedAt: number
  /** The tenant's endpoint-set version at which this endpoint was created. */
  createdVersion: number
}
