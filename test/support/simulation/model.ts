import type { Outcome } from '../../../src/model/attempt.ts'
import type { DeliveryReason, DeliveryState } from '../../../src/model/delivery.ts'
import type { EndpointState, RateLimit } from '../../../src/model/endpoint.ts'
import type { SimProcess } from './process.ts'

/** What the simulation knows of the world, kept apart from what the library says of it. */

export interface RetrySettings {
  delaysMs: readonly number[]
  jitter: number
  retryAfterMaxMs: number
}

export interface EndpointModel {
  id: string
  tenant: string
  state: EndpointState
  deleted: boolean
  patterns: string[] | null
  /** All that its patterns ever were. */
  allPatterns: (string[] | null)[]
  /** Counts the changes seen: an endpoint that changed since an event was accepted may or may not get it by slices. */
  changedAt: number
  createdAt: number
  /** Of the settlements' throttling, in the time of whoever settled. */
  blockedUntil: number
  /** Since when it is not active, by the clock of whoever changed it; null: it is. */
  heldSince: number | null
  /** All that its settings ever were: an attempt may have begun under any of them. */
  retries: RetrySettings[]
  concurrencies: number[]
  rateLimits: (RateLimit | null)[]
  health: HealthModel
  url: string
  /** Failed attempts at the present URL since it was last enabled. */
  failuresAtUrl: number
  /** The processes that answered a call to pause it, since it was last active. */
  heldBy: Set<SimProcess>
  /** Calls to change it: begun, and not answered yet (those of dead processes never are). */
  callsBegun: number
  callsOpen: number
}

/** The rule of health, written down a second time. */
export interface HealthModel {
  /** The start of the first failure of this run of failures; null: healthy. */
  since: number | null
  failures: number
  lastFailureAt: number
  recoveredAt: number
}

export function healthy(recoveredAt = Number.NEGATIVE_INFINITY): HealthModel {
  return { since: null, failures: 0, lastFailureAt: Number.NEGATIVE_INFINITY, recoveredAt }
}

export interface EventModel {
  id: string
  tenant: string
  type: string
  deliverAt: number
  body: Uint8Array
  /** The number of the `send` that brought it. */
  sendNumber: number
  acceptedAt: number
  /** Endpoints that shall get it. */
  expected: Set<string>
  /** The endpoints that it names; null: those that match. */
  addressed: string[] | null
  /** Endpoints to which a backfill has brought it. */
  backfilled: Set<string>
  background: boolean
  canceled: boolean
}

/** A backfill as it was begun, and what it has done. */
export interface BackfillModel {
  id: string
  endpointId: string
  type: string | null
  eventId: string | null
  createdAt: number
  brought: number
  completed: boolean
}

/** A lease as storage gave it. */
export interface Grant {
  process: SimProcess
  worker: string
  claim: number
  round: number
  /** In true time, on the world's monotonic clock. */
  at: number
  leaseMs: number
  until: number
  /** When the delivery had fallen due, by the clock of whoever said so. */
  dueAt: number
  /** Whether the process got to know of it. */
  answered: boolean
  request: RequestModel | null
  ended: null | 'settled' | 'released' | 'lost'
}

export interface DeliveryModel {
  key: string
  event: EventModel
  endpoint: EndpointModel
  id: string | null
  state: DeliveryState
  reason: DeliveryReason | null
  dueAt: number
  claim: number
  round: number
  lease: Grant | null
  grants: Grant[]
  attempts: { number: number; round: number; outcome: Outcome; status: number | null }[]
  requests: RequestModel[]
  replays: Set<string>
  /** Leased when its event was canceled: not to be repeated. */
  doomed: boolean
  /** The round in which it was when its event was canceled: it is not to be attempted in that one again. Null: never canceled. */
  endedRound: number | null
}

export type RetryAfter = { seconds: number } | { date: number }

/** One request as its receiver saw it. */
export interface RequestModel {
  process: SimProcess
  delivery: DeliveryModel
  grant: Grant
  /** In true time, on the world's monotonic clock. */
  at: number
  /** When it was answered, failed or given up; null: still under way. */
  endedAt: number | null
  status: number | null
  retryAfter: RetryAfter | null
}

export function deliveryKeyOf(eventId: string, endpointId: string): string {
  return `${eventId}|${endpointId}`
}

/** The rule of patterns, written down a second time. */
export function wants(patterns: readonly string[] | null, type: string): boolean {
  if (patterns === null) return true
  return patterns.some((pattern) => {
    const source = pattern
      .split('.')
      .map((segment) => (segment === '*' ? '[^.]+' : segment === '**' ? '.+' : segment))
      .join('\\.')
    return new RegExp(`^${source}$`).test(type)
  })
}

/** It has neither come to rest nor is it held. */
export function isOpen({ state, endpoint }: DeliveryModel): boolean {
  if (state === 'leased') return true
  return state === 'pending' && (endpoint.deleted || endpoint.state === 'active')
}
