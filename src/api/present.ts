import type { AttemptError, AttemptRecord, AttemptTimings, Outcome } from '../model/attempt.ts'
import type { DeliveryReason, DeliveryRecord, DeliveryState } from '../model/delivery.ts'
import type { EndpointHealth, EndpointOverrides, EndpointRecord, EndpointState } from '../model/endpoint.ts'
import type { EventRecord, EventSummary } from '../model/event.ts'

/** Records as users see them: moments are `Date`s, and no secret is among them. */

/** What happened. */
export interface WebhookEvent extends WebhookEventSummary {
  /** The exact bytes that are signed and sent. */
  body: Uint8Array
}

/** An event in a list: without its body. */
export interface WebhookEventSummary {
  /** Equal to the `webhook-id` of every request made for it. */
  id: string
  tenant: string
  type: string
  occurredAt: Date
  /** When it was accepted. */
  createdAt: Date
  deliverAt: Date
  idempotencyKey: string | null
  orderingKey: string | null
  contentType: string
  headers: Record<string, string>
  metadata: Record<string, string>
  canceledAt: Date | null
}

/** How an endpoint has fared since its last success. */
export interface Health {
  /** When the first failure since the last success began; null: healthy. */
  failingSince: Date | null
  /** Failed attempts since then. */
  failures: number
  /** The last success that ended a run of failures. */
  recoveredAt: Date | null
  lastFailureAt: Date | null
}

/** Where a customer listens. Overrides that are not set are absent: the sender's settings hold. */
export interface Endpoint extends EndpointOverrides {
  id: string
  tenant: string
  url: string
  /** Patterns; null: every type. */
  eventTypes: string[] | null
  description: string | null
  headers: Record<string, string>
  metadata: Record<string, string>
  state: EndpointState
  stateReason: string | null
  health: Health
  createdAt: Date
  updatedAt: Date
}

/** One event for one endpoint. */
export interface Delivery {
  id: string
  eventId: string
  endpointId: string
  tenant: string
  type: string
  state: DeliveryState
  reason: DeliveryReason | null
  /** 1 for the first schedule; each replay begins another. */
  round: number
  /** Attempts that ended, over all rounds. */
  attemptCount: number
  /** Null at rest and while an attempt is under way. */
  nextAttemptAt: Date | null
  createdAt: Date
  endedAt: Date | null
}

/** One HTTP request. */
export interface Attempt {
  /** 1, 2, 3 … without a gap, over all rounds. */
  number: number
  round: number
  url: string
  startedAt: Date
  /** Null when it was lost: nobody knows. */
  durationMs: number | null
  outcome: Outcome
  /** The response's status; null when there was none. */
  status: number | null
  /** As sent, but for the values of the endpoint's own headers, which are masked: tokens stand there. */
  requestHeaders: Record<string, string>
  responseHeaders: Record<string, string>
  /** The response's first bytes. */
  responseBody: Uint8Array | null
  remoteAddress: string | null
  timings: AttemptTimings | null
  error: AttemptError | null
}

const moment = (ms: number | null): Date | null => (ms === null ? null : new Date(ms))

export function presentSummary(event: EventSummary): WebhookEventSummary {
  const { id, tenant, type, idempotencyKey, orderingKey, contentType, headers, metadata } = event
  return {
    id,
    tenant,
    type,
    occurredAt: new Date(event.occurredAt),
    createdAt: new Date(event.createdAt),
    deliverAt: new Date(event.deliverAt),
    idempotencyKey,
    orderingKey,
    contentType,
    headers,
    metadata,
    canceledAt: moment(event.canceledAt),
  }
}

export function presentEvent(event: EventRecord): WebhookEvent {
  return { ...presentSummary(event), body: event.body }
}

export function presentHealth({ failingSince, failures, recoveredAt, lastFailureAt }: EndpointHealth): Health {
  return {
    failingSince: moment(failingSince),
    failures,
    recoveredAt: moment(recoveredAt),
    lastFailureAt: moment(lastFailureAt),
  }
}

export function presentEndpoint(endpoint: EndpointRecord): Endpoint {
  const { id, tenant, url, eventTypes, description, headers, metadata, state, stateReason, health, overrides } =
    endpoint
  return {
    id,
    tenant,
    url,
    eventTypes,
    description,
    headers,
    metadata,
    state,
    stateReason,
    health: presentHealth(health),
    createdAt: new Date(endpoint.createdAt),
    updatedAt: new Date(endpoint.updatedAt),
    ...overrides,
  }
}

export function presentDelivery(delivery: DeliveryRecord): Delivery {
  return {
    ...delivery,
    nextAttemptAt: moment(delivery.nextAttemptAt),
    createdAt: new Date(delivery.createdAt),
    endedAt: moment(delivery.endedAt),
  }
}

export function presentAttempt(attempt: AttemptRecord): Attempt {
  return { ...attempt, startedAt: new Date(attempt.startedAt) }
}
