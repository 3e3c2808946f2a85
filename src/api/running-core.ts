import { setMaxListeners } from 'node:events'
import { isIP } from 'node:net'
import type { AttemptPorts } from '../engine/attempt-runner.ts'
import { EndpointCache } from '../engine/endpoint-cache.ts'
import { Engine } from '../engine/engine.ts'
import { Lifecycle } from '../engine/lifecycle.ts'
import { Permits } from '../engine/permits.ts'
import { patientFor, withRetries } from '../engine/resilient-storage.ts'
import type { Settings } from '../engine/settings.ts'
import { StorageClock } from '../engine/storage-clock.ts'
import { Weather } from '../engine/weather.ts'
import { errorCode, WebhookError } from '../errors.ts'
import type { EndpointRecord } from '../model/endpoint.ts'
import { makeWorkerName } from '../model/ids.ts'
import type { SenderOptions } from '../options.ts'
import type { Resolve } from '../ports/resolver.ts'
import type { Storage } from '../ports/storage.ts'
import type { Transport } from '../ports/transport.ts'
import { abortable } from '../runtime/abortable.ts'
import { createAddressGuard } from '../runtime/address-guard.ts'
import { parseRanges } from '../runtime/address-ranges.ts'
import { hostOf } from '../runtime/host-of.ts'
import { createResolver } from '../runtime/resolver.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { systemRandom } from '../runtime/system-random.ts'
import type { SigningScheme } from '../signing/scheme.ts'
import { schemesFor } from '../signing/schemes.ts'
import { createSealing, type Sealing } from '../signing/sealing.ts'
import { masterKeysOf } from '../signing/secrets-key.ts'
import { standardWebhooks } from '../signing/standard-webhooks.ts'
import { VERSION } from '../version.ts'
import type { Core, Running } from './core.ts'
import { type EventTypes, eventTypes } from './event-types.ts'
import { EventWaits } from './event-waits.ts'

/** What the default storage and transport are loaded by: only when they are needed, and not given. */
export interface Loaders {
  storage: () => Promise<Storage>
  transport: () => Promise<Transport>
}

/** Endpoints remembered in memory, over all tenants. */
const ENDPOINTS_CACHED_MAX = 50_000
const WEATHER_REMEMBERED_MAX = 10_000
/** Of the newest endpoints so many are looked at before anything is signed or sealed: is there a key for their secrets? */
const LOOKED_AT = 20
/** How long creating an endpoint waits for its host's addresses; without an answer each attempt checks anyway. */
const CREATE_RESOLVE_MS = 2_000

/** The sender's inner life: opened by the first call, closed by `close`. */
export class RunningCore implements Core {
  readonly settings: Settings
  readonly clock: StorageClock
  readonly random
  readonly schemes: readonly SigningScheme[]
  readonly sealing: Sealing
  readonly lifecycle: Lifecycle
  readonly types: EventTypes
  readonly eventWaits: EventWaits
  readonly #options: SenderOptions
  readonly #loaders: Loaders
  readonly #guard
  readonly #resolve: Resolve
  #opening: Promise<Running> | null = null
  #keysFit = false
  #storage: Storage | null
  #transport: Transport | null = null
  readonly #calls = new Set<Promise<unknown>>()
  readonly #closed = new AbortController()

  constructor(options: SenderOptions, settings: Settings, loaders: Loaders) {
    this.settings = settings
    this.#options = options
    this.#storage = options.storage ?? null
    this.#loaders = loaders
    this.clock = new StorageClock(options.runtime?.clock ?? systemClock())
    this.random = options.runtime?.random ?? systemRandom()
    this.schemes = [...(options.signing ?? [standardWebhooks()])]
    const keys = options.secretsKey === undefined ? [] : masterKeysOf(options.secretsKey)
    this.sealing = createSealing(keys, (size) => this.random.bytes(size))
    this.#resolve = options.runtime?.resolve ?? createResolver({ monotonic: () => this.clock.monotonic() })
    this.#guard = createAddressGuard(settings.network)
    this.lifecycle = new Lifecycle(options.logger ?? null)
    this.types = eventTypes(options.events)
    this.eventWaits = new EventWaits(this.lifecycle)
    // Everyone who waits listens.
    setMaxListeners(0, this.closed)
  }

  get closed(): AbortSignal {
    return this.#closed.signal
  }

  /** Whether anything was opened: what was not needs no closing. */
  get opened(): boolean {
    return this.#opening !== null
  }

  /** Null: the default one, which was not loaded yet. */
  get storage(): Storage | null {
    return this.#storage
  }

  /** Work will have been written soon: where this process delivers, it looks for it. */
  expectWork(): void {
    if (this.#opening === null) return
    this.#opening.then(({ engine }) => engine.expectWork()).catch(() => {})
  }

  refuseStopped(): void {
    if (this.closed.aborted) throw new WebhookError('stopped', 'the sender was stopped: create another one.')
  }

  async ready(): Promise<Running> {
    this.refuseStopped()
    this.#opening ??= this.#open().catch((error) => {
      // The next call tries again.
      this.#opening = null
      throw error
    })
    return this.#opening
  }

  async assertKeys(): Promise<void> {
    if (this.#keysFit) return
    const page = { limit: LOOKED_AT, examine: LOOKED_AT, after: null }
    const newest = { tenant: null, states: null, changedSince: null, ...page }
    const { items } = await this.ask((storage) => storage.listEndpoints(newest))
    for (const endpoint of items) this.#assertKeyOf(endpoint)
    this.#keysFit = true
  }

  async ask<T>(call: (storage: Storage) => Promise<T>): Promise<T> {
    const { context } = await this.ready()
    return this.track(
      withRetries(() => call(context.storage), context, patientFor(this.settings.acceptTimeoutMs, this.clock)),
    )
  }

  /** Storage is not closed under a call that is under way. */
  track<T>(call: Promise<T>): Promise<T> {
    // What is returned is the promise that is tracked: were it another one, a rejection that the host forgets to hear would count as heard.
    const tracked = call.finally(() => this.#calls.delete(tracked))
    this.#calls.add(tracked)
    return tracked
  }

  async endpointsChanged(tenant: string): Promise<void> {
    try {
      const { context, engine } = await this.ready()
      await this.ask(() => context.endpoints.changed(tenant))
      engine.wake()
    } catch (error) {
      if (!this.closed.aborted) this.lifecycle.fail(error, 'bringing the endpoints up to date')
    }
  }

  sweepSoon(): void {
    this.ready().then(
      ({ engine }) => engine.sweepSoon(),
      () => {},
    )
  }

  checkUrl(url: string, allowRanges: readonly string[]): void {
    this.#guard.checkUrl(url, allowRanges)
  }

  checkRanges(ranges: readonly string[], path: string): void {
    parseRanges(ranges, path)
  }

  async checkAddresses(url: string, allowRanges: readonly string[]): Promise<void> {
    const { host, literal } = this.#target(url, allowRanges)
    if (literal !== null) return
    const abort = new AbortController()
    const timer = this.clock.after(CREATE_RESOLVE_MS, () => abort.abort(new Error('no answer in time')))
    // A resolver of the host's own may not obey its signal.
    const answer = (async () => this.#resolve(host, { signal: abort.signal }))()
    const addresses = await abortable(answer, abort.signal).catch(() => [])
    timer.cancel()
    for (const { address } of addresses) {
      const reason = this.#guard.judge(address, allowRanges)
      if (reason === null) continue
      // Whoever reads the message may be a customer, who is not to learn what names mean in the operator's network.
      const message = `${host} leads to an address that is not allowed: use a public one, or let the operator allow its range by network.allowRanges.`
      throw new WebhookError('endpoint_address_blocked', message, {
        cause: new Error(`${address} is blocked: ${reason}`),
      })
    }
  }

  /** After the engine has stopped: refuses further calls, waits for those under way, closes. */
  async close(): Promise<void> {
    const opening = this.#opening
    this.#closed.abort()
    if (opening === null) return
    const running = await opening.catch(() => null)
    await Promise.allSettled([...this.#calls])
    // Accepts that ended just now may have leases to give back.
    await running?.engine.idle()
    try {
      await this.#transport?.close()
    } finally {
      await running?.context.storage.close()
    }
  }

  async #open(): Promise<Running> {
    const { settings, clock, random, lifecycle } = this
    this.#storage ??= await this.#loaders.storage()
    const storage = this.#storage
    this.#transport ??= this.#options.transport ?? (await this.#loaders.transport())
    const patience = patientFor(settings.acceptTimeoutMs, clock)
    const warn = (warning: string) => lifecycle.warn(warning)
    const { version } = await withRetries(() => storage.open({ now: clock.now(), warn }), { clock, random }, patience)
    // A storage that can not be worked with is closed again, so that the next call may open it.
    await this.#prepare(storage, patience).catch(async (error) => {
      await storage.close()
      throw error
    })
    const permits: Permits = new Permits({
      total: settings.concurrency.total,
      slowMs: settings.attempt.deadlineMs / 8,
      strugglingRetryMs: settings.attempt.deadlineMs,
      clock,
      onRoom: () => engine.roomCame(),
    })
    const context = {
      settings,
      storage,
      clock,
      random,
      worker: makeWorkerName((size) => random.bytes(size)),
      endpoints: new EndpointCache(storage, ENDPOINTS_CACHED_MAX),
      permits,
      weather: new Weather(WEATHER_REMEMBERED_MAX, settings.concurrency.total),
      lifecycle,
    }
    const ports = this.#attemptPorts(this.#transport)
    const engine: Engine = new Engine({ context, ports })
    return { context, engine, storageVersion: version }
  }

  async #prepare(storage: Storage, patience: () => boolean): Promise<void> {
    const { time } = storage
    if (time !== undefined) await withRetries(() => this.clock.follow(() => time.call(storage)), this, patience)
  }

  /** What is damaged concerns one endpoint alone, and is left to its attempts. */
  #assertKeyOf(endpoint: EndpointRecord): void {
    try {
      this.sealing.open(endpoint, this.clock.now())
    } catch (error) {
      if (errorCode(error) === 'secrets_key_unknown') throw error
    }
  }

  #attemptPorts(transport: Transport): AttemptPorts {
    return {
      transport,
      resolve: this.#resolve,
      target: (url, allowRanges) => this.#target(url, allowRanges),
      judge: (address, allowRanges) => this.#guard.judge(address, allowRanges),
      signing: (endpoint, now) => ({
        schemes: schemesFor(this.schemes, endpoint.overrides.signing),
        secrets: this.sealing.open(endpoint, now),
      }),
      userAgent: `hookferry/${VERSION}`,
    }
  }

  #target(url: string, allowRanges: readonly string[]): ReturnType<AttemptPorts['target']> {
    const host = hostOf(this.#guard.checkUrl(url, allowRanges).url)
    const family = isIP(host)
    return { host, literal: family === 0 ? null : { address: host, family: family === 4 ? 4 : 6 } }
  }
}
