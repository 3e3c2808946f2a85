import type { EngineContext } from '../engine/context.ts'
import type { Engine } from '../engine/engine.ts'
import type { Lifecycle } from '../engine/lifecycle.ts'
import type { Settings } from '../engine/settings.ts'
import type { StorageClock } from '../engine/storage-clock.ts'
import type { Random } from '../ports/random.ts'
import type { Storage } from '../ports/storage.ts'
import type { SigningScheme } from '../signing/scheme.ts'
import type { Sealing } from '../signing/sealing.ts'
import type { EventTypes } from './event-types.ts'
import type { EventWaits } from './event-waits.ts'

/** What is there once storage is open. */
export interface Running {
  context: EngineContext
  engine: Engine
  storageVersion: number
}

/** What the public methods share. */
export interface Core {
  settings: Settings
  clock: StorageClock
  random: Random
  /** All that the sender has. */
  schemes: readonly SigningScheme[]
  sealing: Sealing
  lifecycle: Lifecycle
  types: EventTypes
  /** Opens on the first call. Rejects with `stopped` after `stop`. */
  ready(): Promise<Running>
  /**
   * Throws `secrets_key_unknown` when a key is lacking: told by what would sign or seal, where somebody looks, instead of by each
   * attempt. All else works without, so that endpoints can be given other secrets when a key is lost.
   */
  assertKeys(): Promise<void>
  /** One call to storage, repeated while storage is busy, for as long as an accept would wait. */
  ask<T>(call: (storage: Storage) => Promise<T>): Promise<T>
  checkUrl(url: string, allowRanges: readonly string[]): void
  checkRanges(ranges: readonly string[], path: string): void
  /** Throws `endpoint_address_blocked` when the URL's host has a forbidden address now. */
  checkAddresses(url: string, allowRanges: readonly string[]): Promise<void>
  /** Brings this process up to date. Never throws: the change itself is written, and others see it at their next look. */
  endpointsChanged(tenant: string): Promise<void>
  /** Deliveries of a deleted endpoint wait to be canceled. */
  sweepSoon(): void
  /** Aborted when `stop` ends: then nobody shall go on waiting. */
  readonly closed: AbortSignal
  readonly eventWaits: EventWaits
}
