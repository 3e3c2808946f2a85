/**
 * The sender: accepts events, delivers them to every endpoint that wants them, and shows what became of each.
 *
 * @module
 */

export type { BackfillFunction, BackfillSelection } from './api/backfill.ts'
export type { EndpointInput, EndpointPatch, TypePattern } from './api/check-endpoint.ts'
export type { EventCommon, EventInput } from './api/check-event.ts'
export type { SecretInput } from './api/check-signing.ts'
export type { Listed, PageOptions } from './api/cursor.ts'
export type { Deliveries, DeliverySelection } from './api/deliveries.ts'
export type { DrainOptions, DrainResult } from './api/drain.ts'
export type {
  EndpointSecrets,
  RevealedSecret,
  RevealedSecrets,
  RotateOptions,
  ShownSecret,
} from './api/endpoint-secrets.ts'
export type { EndpointTest } from './api/endpoint-tests.ts'
export type { EndpointFilter, Endpoints } from './api/endpoints.ts'
export type { EventFilter, Events } from './api/events.ts'
export type { Explanation } from './api/explain-event.ts'
export type { HealthReport } from './api/health.ts'
export type { DisableDecide, RetryDecide } from './api/policies.ts'
export type { Attempt, Delivery, Endpoint, Health, WebhookEvent, WebhookEventSummary } from './api/present.ts'
export type { ReplayFunction, ReplayOptions } from './api/replay.ts'
export type { ReplayProgress, ReplayRun, ReplaySelection, ReplaySummary } from './api/replay-run.ts'
export type { ReplayFilter, Replays } from './api/replays.ts'
export type { ResealResult } from './api/reseal-secrets.ts'
export { ALL_TENANTS } from './api/scope.ts'
export type { SendIn, SendResult, TxSendResult } from './api/send.ts'
export type { EventOutcome } from './api/wait-for-event.ts'
export type { WaitOptions } from './api/waiting.ts'
export {
  type Catalog,
  defineEvents,
  type EventData,
  type EventDefinition,
  type EventName,
  type EventOutput,
  event,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
} from './catalog.ts'
export type {
  AttemptEnded,
  AttemptNews,
  BackgroundFailure,
  DeliveryCanceled,
  DeliveryDelivered,
  DeliveryFailed,
  DeliveryNews,
  EndpointDisabled,
  EndpointFailing,
  EndpointNews,
  LifecycleEvents,
  LifecycleName,
  ReplayCompleted,
} from './engine/lifecycle-events.ts'
export { ArgumentError, type ArgumentErrorCode, errorCode, WebhookError, type WebhookErrorCode } from './errors.ts'
export type { AttemptError, AttemptTimings, Outcome } from './model/attempt.ts'
export type { DeliveryReason, DeliveryState } from './model/delivery.ts'
export type { DisableReason, EndpointState, RateLimit } from './model/endpoint.ts'
export type { ReplayKind, ReplayState } from './model/replay.ts'
export { DEFAULTS, type DisableOptions, type SenderOptions } from './options.ts'
export type { ExplainReason } from './pipeline/explain.ts'
export type { RetryContext } from './pipeline/retry.ts'
export type { Clock, Timer } from './ports/clock.ts'
export type { Logger } from './ports/logger.ts'
export type { Random } from './ports/random.ts'
export type { Resolve, ResolvedAddress } from './ports/resolver.ts'
export type { Storage } from './ports/storage.ts'
export type { Transport, TransportFailure, TransportRequest, TransportResponse } from './ports/transport.ts'
export { systemResolver } from './runtime/system-resolver.ts'
export {
  type AnyTenantSender,
  type AnyWebhookSender,
  createWebhookSender,
  type TenantSender,
  type WebhookSender,
} from './sender.ts'
export { type HmacHeaderOptions, hmacHeader } from './signing/hmac-header.ts'
export type { SignInput, SigningScheme } from './signing/scheme.ts'
export type { SecretsKey } from './signing/secrets-key.ts'
export { type StandardWebhooksOptions, standardWebhooks } from './signing/standard-webhooks.ts'
export { VERSION } from './version.ts'
