import { type BackfillFunction, backfillFunction } from './api/backfill.ts'
import type { EventInput } from './api/check-event.ts'
import { type Deliveries, deliveriesApi } from './api/deliveries.ts'
import { type DrainOptions, type DrainResult, drain } from './api/drain.ts'
import { type Endpoints, endpointsApi } from './api/endpoints.ts'
import { type Events, eventsApi } from './api/events.ts'
import { type HealthReport, health } from './api/health.ts'
import { presentPolicies } from './api/policies.ts'
import { type ReplayFunction, replayFunction } from './api/replay.ts'
import { type Replays, replaysApi } from './api/replays.ts'
import { type ResealResult, resealInBackground, resealSecrets } from './api/reseal-secrets.ts'
import { RunningCore } from './api/running-core.ts'
import { checkTenant, type Scope } from './api/scope.ts'
import { type SendIn, type SendResult, send, sendIn } from './api/send.ts'
import { func, integer, oneOf, plainObject } from './arguments.ts'
import type { Catalog } from './catalog.ts'
import { LIFECYCLE_NAMES, type LifecycleEvents, type LifecycleName } from './engine/lifecycle-events.ts'
import { resolveOptions, type SenderOptions } from './options.ts'
import type { Storage } from './ports/storage.ts'
import type { SqliteStorage } from './storage/sqlite/index.ts'

/** Where newcomers start: what a sender is made of, and how its public face is wired to it. */

/** What every `TenantSender` has, whatever its storage. See `AnyWebhookSender`. */
export type AnyTenantSender<C extends Catalog = Catalog> = TenantFace<EventInput<C>>

/** By the events that it takes, each of a `type`: TypeScript tells which of two such unions is wider, and can not of two catalogues. */
interface TenantFace<Event extends { type: string }> {
  /**
   * Accepts an event. Resolves once it is on stable storage: from then on it ends delivered, failed or canceled at each matching
   * endpoint, whatever happens to this process. Throws `event_invalid`, `payload_too_large`, `idempotency_conflict`,
   * `endpoint_not_found`, `busy` and `timed_out` (a schema was late; both retryable), `storage_…`, `stopped`, `ArgumentError`;
   * nothing was accepted then, unless the message says that it is not known.
   */
  send(event: Event): Promise<SendResult>
  /** Where customers listen. */
  readonly endpoints: Endpoints<Event['type']>
  /** What was accepted. */
  readonly events: Events
  /** What each event became at each endpoint, with every request that was made for it. */
  readonly deliveries: Deliveries
  /** Delivers again. */
  readonly replay: ReplayFunction
  /** Delivers what an endpoint never had. */
  readonly backfill: BackfillFunction
  /** The replays and backfills of before. */
  readonly replays: Replays
}

/** A sender bound to one tenant: another tenant's id is not found. Safe to stand behind a customer's page. */
export interface TenantSender<C extends Catalog = Catalog, S extends Storage = SqliteStorage>
  extends AnyTenantSender<C> {
  /**
   * Accepts an event within the host's own transaction `tx`: the commit accepts it, a rollback leaves no trace, and whichever sender
   * over the same storage is started delivers it. On SQLite `tx` is the host's better-sqlite3 handle on the same file, inside
   * `transaction()`, and the answer comes at once; on Postgres it is a client with `query(text, values)`, or what `kyselyTx`,
   * `drizzleTx`, `prismaTx` and `postgresJsTx` make of theirs. The storage must have been opened once, by any call to any sender.
   * Ids given as `endpoints` are not looked up: those that the tenant does not have get nothing. Throws what `send` throws, without
   * `endpoint_not_found`, and `not_in_transaction`, `transaction_aborted`, `transactions_unsupported`.
   */
  readonly sendIn: SendIn<C, S>
}

/**
 * What every `WebhookSender` has, whatever its storage: to be asked for where one is injected. `AnyWebhookSender<typeof events>` takes
 * the events of that catalogue; `AnyWebhookSender` takes any, and a sender that has a catalogue checks them when they are given.
 */
export type AnyWebhookSender<C extends Catalog = Catalog> = RootFace<EventInput<C>>

/** What a sender has, by the events that it takes and the `type` of each. */
interface RootFace<Event extends { type: string }> extends TenantFace<Event> {
  /**
   * Delivers from this process too, until `stop`. Opens the storage. Calling it again changes nothing. Throws `secrets_key_unknown`
   * when `secretsKey` lacks the key of one of the 20 newest endpoints: nothing was started then; `storage_…`, `stopped`.
   */
  start(): Promise<void>
  /** The same methods, bound to one tenant. */
  forTenant(tenant: string): TenantFace<Event>
  /** Calls `listener` in the process that settled, after the commit, at most once. Returns what ends the subscription. */
  on<K extends LifecycleName>(name: K, listener: (payload: LifecycleEvents<Event['type']>[K]) => void): () => void
  /** How it stands, over all tenants: what is late, what waits, what is held. Throws `storage_…`, `stopped`. */
  health(): Promise<HealthReport>
  /**
   * Delivers what is due, and returns when nothing is any more: for tests, scripts and serverless functions, on a sender that was
   * not started. Throws `already_started`, `secrets_key_unknown` (as `start` does), `ArgumentError`.
   */
  drain(options?: DrainOptions): Promise<DrainResult>
  /**
   * Seals every endpoint's secrets with the first key of `secretsKey`: when it resolves, no other key is needed any more, and none
   * is stored unsealed; free pages of the file keep old bytes until `VACUUM`. A started sender does the same in the background. Throws `secrets_key_unknown` (as well where there is no
   * `secretsKey`) and `secret_unreadable`, having sealed all others.
   */
  resealSecrets(): Promise<ResealResult>
  /**
   * Claims nothing further, goes on accepting while attempts under way end, for `graceMs` (0 ms to 10 min, default 10 s) at most,
   * then aborts them (they are attempted again later), and closes. Calling it again waits for the same end.
   */
  stop(options?: { graceMs?: number }): Promise<void>
  /** Calls `stop`: for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** What `createWebhookSender` returns: all tenants, and the life of the sender itself. */
export interface WebhookSender<C extends Catalog = Catalog, S extends Storage = SqliteStorage>
  extends AnyWebhookSender<C> {
  /** As `TenantSender.sendIn`, for the tenant that the event names. */
  readonly sendIn: TenantSender<C, S>['sendIn']
  forTenant(tenant: string): TenantSender<C, S>
}

const GRACE_MS = { min: 0, max: 600_000, default: 10_000 }

/** Throws an `ArgumentError` that names the first wrong option. Opens nothing: the first call does. */
export function createWebhookSender<C extends Catalog = Catalog, S extends Storage = SqliteStorage>(
  options: SenderOptions<C, S> = {},
): WebhookSender<C, S> {
  const settings = presentPolicies(resolveOptions(options), options)
  const core = new RunningCore(options, settings, {
    storage: async () => (await import('./storage/sqlite/index.ts')).sqlite({ path: 'webhooks.db' }),
    transport: async () => (await import('./transports/node-fetch.ts')).nodeFetchTransport(),
  })
  const scope: Scope = { bound: null, requireTenant: settings.requireTenant }
  let stopping: Promise<void> | null = null
  let started = false
  const stop = async (graceMs: number): Promise<void> => {
    if (core.opened) {
      const running = await core.ready().catch(() => null)
      await running?.engine.stop(graceMs)
    }
    await core.close()
  }

  const sender: WebhookSender<C, S> = {
    ...face<C, S>(core, scope),
    async start() {
      await core.assertKeys()
      const { engine } = await core.ready()
      engine.start()
      if (!started) resealInBackground(core)
      started = true
    },
    forTenant(tenant) {
      const bound = checkTenant(tenant, 'forTenant.tenant')
      core.refuseStopped()
      return face<C, S>(core, { ...scope, bound })
    },
    on(name, listener) {
      func(listener, 'on.listener')
      const known = oneOf(name, 'on.name', LIFECYCLE_NAMES) as typeof name
      core.refuseStopped()
      return core.lifecycle.on(known, listener)
    },
    health: () => health(core),
    drain: async (bounds = {}) => core.track(drain(core, bounds)),
    resealSecrets: () => core.track(resealSecrets(core)),
    async stop(given = {}) {
      const { graceMs } = plainObject(given, 'stop', ['graceMs'])
      const grace = graceMs === undefined ? GRACE_MS.default : integer(graceMs, 'stop.graceMs', GRACE_MS)
      stopping ??= stop(grace)
      return stopping
    },
    [Symbol.asyncDispose]: () => sender.stop(),
  }
  return sender
}

/** The methods that a sender and a tenant's sender share. */
function face<C extends Catalog, S extends Storage>(core: RunningCore, scope: Scope): TenantSender<C, S> {
  return {
    send: (event) => core.track(send(core, scope, event)),
    sendIn: ((tx: unknown, event: EventInput) => sendIn(core, scope, tx, event)) as SendIn<C, S>,
    endpoints: endpointsApi(core, scope),
    events: eventsApi(core, scope),
    deliveries: deliveriesApi(core, scope),
    replay: replayFunction(core, scope),
    backfill: backfillFunction(core, scope),
    replays: replaysApi(core, scope),
  }
}
