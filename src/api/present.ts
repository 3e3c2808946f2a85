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
  /** Whose customer it is for. */
  tenant: string
  /** What happened, such as `invoice.paid`. */
  type: string
  /** When it happened, by the caller's word; the moment of acceptance when it gave none. */
  occurredAt: Date
  /** When it was accepted. */
  createdAt: Date
  /** Not delivered before this moment. */
  deliverAt: Date
  /** As the caller gave it; null: none. */
  idempotencyKey: string | null
  /** As the caller gave it; null: it waits for no other event. */
  orderingKey: string | null
  /** Of the body: `application/json` for `data`, else what the caller gave. */
  contentType: string
  /** Sent with each of its requests, beside those of the endpoint and of the signature. */
  headers: Record<string, string>
  /** The caller's own, never sent. */
  metadata: Record<string, string>
  /** When a person canceled it; null: nobody did. */
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
  /** When the last failure since the last success began; null: healthy. */
  lastFailureAt: Date | null
}

/** Where a customer listens. Overrides that are not set are absent: the sender's settings hold. */
export interface Endpoint extends EndpointOverrides {
  /** `ep_…`. */
  id: string
  /** Whose it is. */
  tenant: string
  /** Where requests go. */
  url: string
  /** Patterns; null: every type. */
  eventTypes: string[] | null
  /** For people; null: none. */
  description: string | null
  /** Sent with every request to it. */
  headers: Record<string, string>
  /** Its owner's own, never sent. */
  metadata: Record<string, string>
  /** `active`, `paused` by a person, or `disabled` by policy; deliveries of the last two are held. */
  state: EndpointState
  /** What a person gave to `pause`, or why policy disabled it: `gone`, `failing` or `decided`; null otherwise. */
  stateReason: string | null
  /** How it has fared since its last success. */
  health: Health
  /** When it was made. */
  createdAt: Date
  /** When its settings or its state last changed; health does not count. */
  updatedAt: Date
}

/** One event for one endpoint. */
export interface Delivery {
  /** `dlv_…`. */
  id: string
  /** The event that is delivered. */
  eventId: string
  /** The endpoint that it goes to. */
  endpointId: string
  /** Whose they are. */
  tenant: string
  /** The event's type. */
  type: string
  /** `pending`, also while it is held; `leased` during an attempt; at rest `delivered`, `failed` or `canceled`. */
  state: DeliveryState
  /** Why it failed or was canceled; `event_canceled` while it is leased: its event was canceled meanwhile. Otherwise null. */
  reason: DeliveryReason | null
  /** 1 for the first schedule; each replay begins another. */
  round: number
  /** Attempts that ended, over all rounds. */
  attemptCount: number
  /** Null at rest and while an attempt is under way. */
  nextAttemptAt: Date | null
  /** When it was written: with its event, or a little later where an event has many endpoints. */
  createdAt: Date
  /** When it came to rest; null until then, and again while a replay delivers it. */
  endedAt: Date | null
}

/** One HTTP request. */
export interface Attempt {
  /** 1, 2, 3 … without a gap, over all rounds. */
  number: number
  /** The round of its delivery in which it was made. */
  round: number
  /** Where it went: the endpoint's URL at that moment. */
  url: string
  /** When it began. */
  startedAt: Date
  /** Null when it was lost: nobody knows. */
  durationMs: number | null
  /** What became of it. */
  outcome: Outcome
  /** The response's status; null when there was none. */
  status: number | null
  /** As sent, but for the values of the endpoint's own headers, which are masked: tokens stand there. */
  requestHeaders: Record<string, string>
  /** The response's headers, names in lower case, 8 KiB at most; empty without a response. */
  responseHeaders: Record<string, string>
  /** The response's first bytes. */
  responseBody: Uint8Array | null
  /** The address that it was connected to; null: it was not connected, or nobody knows. */
  remoteAddress: string | null
  /** Where the time went; null when that is not known. */
  timings: AttemptTimings | null
  /** How it ended without a whole response; null when there was one, whatever its status. */
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
