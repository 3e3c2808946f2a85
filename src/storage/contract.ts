/**
 * What the author of a storage needs. docs/adapters/writing-a-storage.md explains it, and `storageSuite` of `hookferry/testing`
 * checks it. Nothing of the engine is in here.
 *
 * @module
 */

export {
  ArgumentError,
  type ArgumentErrorCode,
  errorCode,
  WebhookError,
  type WebhookErrorCode,
  type WebhookErrorOptions,
} from '../errors.ts'
export type * from '../model/attempt.ts'
export type { DeliveryReason, DeliveryRecord, DeliveryState, Lease, RestState } from '../model/delivery.ts'
export {
  type DisableReason,
  type EndpointHealth,
  type EndpointOverrides,
  type EndpointRecord,
  type EndpointSecret,
  type EndpointSettings,
  type EndpointState,
  HEALTHY,
  type RateLimit,
} from '../model/endpoint.ts'
export type * from '../model/event.ts'
export type * from '../model/replay.ts'
export type * from '../ports/storage.ts'
export { observe } from './observe.ts'
