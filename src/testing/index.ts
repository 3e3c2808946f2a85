/**
 * For people who test their application, or a storage of their own: virtual time, and requests that are not made.
 *
 * @module
 */

export type { ManualClock } from '../ports/clock.ts'
export type { Subset } from './assert-sent.ts'
export { fakeResolver } from './fake-resolver.ts'
export { manualClock } from './manual-clock.ts'
export { type Reply, type ScriptedTransport, type SeenRequest, scriptedTransport } from './scripted-transport.ts'
export { seededRandom } from './seeded-random.ts'
export type { SentCommon, SentEvent, SentRaw, SentWebhook } from './sent.ts'
export {
  type HostTransaction,
  type StorageCase,
  type StorageHome,
  type StorageSuiteOptions,
  storageSuite,
} from './storage-suite.ts'
export { createTestSender, type SentFunction, type TestSender } from './test-sender.ts'
