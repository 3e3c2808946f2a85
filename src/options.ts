import { checkSchemes } from './api/check-signing.ts'
import type { DisableDecide, RetryDecide } from './api/policies.ts'
import { boolean, func, integer, list, number, plainObject, string } from './arguments.ts'
import { type Catalog, checkCatalog } from './catalog.ts'
import type { Settings } from './engine/settings.ts'
import { ArgumentError } from './errors.ts'
import type { Clock } from './ports/clock.ts'
import type { Logger } from './ports/logger.ts'
import type { Random } from './ports/random.ts'
import type { Resolve } from './ports/resolver.ts'
import type { Storage } from './ports/storage.ts'
import type { Transport } from './ports/transport.ts'
import type { SigningScheme } from './signing/scheme.ts'
import { masterKeysOf, type SecretsKey } from './signing/secrets-key.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const KIB = 1024

/** Every default, in one place. Durations in milliseconds, sizes in bytes. */
export const DEFAULTS = deepFreeze({
  requireTenant: false,
  retry: {
    delaysMs: [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
    jitter: 0.2,
    retryAfterMaxMs: 24 * HOUR,
  },
  disable: { afterMs: 5 * DAY, minFailures: 20 },
  hold: { maxAgeMs: 7 * DAY },
  concurrency: { total: 100, perEndpoint: 10 },
  attempt: { deadlineMs: 15 * SECOND, connectMs: 5 * SECOND, responseBodyMaxBytes: 16 * KIB },
  lease: { marginMs: 15 * SECOND },
  pollMs: SECOND,
  acceptQueueMax: { count: 10_000, bytes: 64 * KIB * KIB },
  acceptTimeoutMs: 10 * SECOND,
  network: { allowHttp: false, allowRanges: [] as string[], denyRanges: [] as string[] },
  idempotencyMs: 7 * DAY,
  retention: { deliveredMs: 7 * DAY, failedMs: 30 * DAY },
  payloadMaxBytes: 512 * KIB,
})

/** When an endpoint is disabled: `afterMs` and `minFailures` must both be reached, unless `decide` says otherwise. */
export interface DisableOptions {
  /** Without a success for this long, 1 s to 365 days. Default 5 days. `endpoint.failing` is told at half of it. */
  afterMs?: number
  /** And at least this many failed attempts since, 1 to 1,000,000. Default 20. */
  minFailures?: number
  /** Overrules the rule for one endpoint. What it throws is told by `'error'` and counts as `'default'`. */
  decide?: DisableDecide
}

/** What `createWebhookSender` takes. Everything may be left out. */
export interface SenderOptions<C extends Catalog = Catalog, S extends Storage = Storage> {
  /**
   * The types of events that there are, and what their data is, as `defineEvents()` makes it: `send` refuses any other.
   * Default: any type, with whatever data JSON can write.
   */
  events?: C
  /** Where events, endpoints, deliveries and attempts are kept. Default: SQLite at `./webhooks.db`. */
  storage?: S
  /** Makes the HTTP requests. Default: node-fetch over keep-alive agents of our own. */
  transport?: Transport
  /** Is told what happens, at four levels; such as pino. Default: nothing is written anywhere. */
  logger?: Logger
  /** Refuse calls at the root that leave `tenant` out. Default false: the tenant is then `'default'`. */
  requireTenant?: boolean
  /**
   * All of them sign every request, but for endpoints that name some. At most 8, no two with a name or header in common. Default:
   * Standard Webhooks.
   */
  signing?: SigningScheme[]
  /** When a failed attempt is repeated. */
  retry?: {
    /** Delays after the first, immediate attempt, 0 ms to 30 days each, at most 100. Default: 5 s to 24 h, see `DEFAULTS`. */
    delaysMs?: number[]
    /** Each delay is spread by this share to either side, 0 to 1. Default 0.2. */
    jitter?: number
    /** `Retry-After` is obeyed up to this, 0 to 30 days. Default 24 h. */
    retryAfterMaxMs?: number
    /** Overrules the schedule for one failed attempt. What it throws is told by `'error'` and counts as `'default'`. */
    decide?: RetryDecide
  }
  /** When a failing endpoint is disabled; false: never (410 still disables). */
  disable?: DisableOptions | false
  /** How long deliveries of a paused or disabled endpoint are kept before they are canceled. */
  hold?: {
    /** 1 min to 365 days. Default 7 days. */
    maxAgeMs?: number
  }
  /** Attempts under way at once, in this process. */
  concurrency?: {
    /** 1 to 10,000. Default 100. */
    total?: number
    /** 1 to 10,000. Default 10. */
    perEndpoint?: number
  }
  /** One HTTP request. */
  attempt?: {
    /** For DNS, connect, TLS, headers and body together, 100 ms to 60 s. Default 15 s. */
    deadlineMs?: number
    /** For connect and TLS, 50 ms to 60 s, and never longer than the deadline. Default 5 s. */
    connectMs?: number
    /** Response body kept after a failure, 0 to 1 MiB; after a success at most 1 KiB of it. Default 16 KiB. */
    responseBodyMaxBytes?: number
  }
  /** A lease lasts for an attempt's deadline and this margin. */
  lease?: {
    /** 100 ms to 10 min. Default 15 s. */
    marginMs?: number
  }
  /** How often to look for work that other processes left, 10 ms to 60 s. Default 1 s. */
  pollMs?: number
  /** Accepts that wait for their commit; beyond it `send` rejects with `busy`. */
  acceptQueueMax?: {
    /** 1 to 1,000,000. Default 10,000. */
    count?: number
    /** Of payload, 1 KiB to 4 GiB. Default 64 MiB. */
    bytes?: number
  }
  /**
   * How long an accept may wait for storage before it rejects with `busy`, and for an asynchronous schema before it rejects with
   * `timed_out`, 10 ms to 10 min. Default 10 s.
   */
  acceptTimeoutMs?: number
  /** Where requests may go. */
  network?: {
    /** Default false: https only. */
    allowHttp?: boolean
    /** CIDR ranges allowed although they are not public. Default none. */
    allowRanges?: string[]
    /** CIDR ranges refused although they are public; stronger than `allowRanges`. Default none. */
    denyRanges?: string[]
  }
  /** How long an idempotency key is remembered, 1 s to 365 days. Default 7 days. */
  idempotencyMs?: number
  /** How long what has ended is kept. */
  retention?: {
    /** Delivered deliveries, 1 s to 3,650 days after their end. Default 7 days. */
    deliveredMs?: number
    /** Failed and canceled deliveries, 1 s to 3,650 days after their end. Default 30 days. */
    failedMs?: number
  }
  /** The largest body, 1 byte to 16 MiB. Default 512 KiB. */
  payloadMaxBytes?: number
  /**
   * Seals secrets at rest: 32 random bytes, as they are, in base64 or in hex; of up to 8 keys the first seals, and all of them open.
   * Default: secrets are stored as they are.
   */
  secretsKey?: SecretsKey
  /** Time, chance and name resolution, for tests. */
  runtime?: {
    /** The only source of time. Default: the machine's. */
    clock?: Clock
    /** The only source of chance: ids, secrets and jitter are made of it. Default: the machine's. */
    random?: Random
    /**
     * Turns host names into addresses. Default: a resolver of our own, with a timeout and a cache, which holds none
     * of the host's threads.
     */
    resolve?: Resolve
  }
}

type Fields = Record<string, (value: unknown, path: string) => unknown>

const ms = (min: number, max: number) => (value: unknown, path: string) => integer(value, path, { min, max })
const cidr = (value: unknown, path: string) => string(value, path, { min: 1, max: 64 })
const ranges = (value: unknown, path: string) => list(value, path, { min: 0, max: 1_000 }, cidr)
const delay = ms(0, 30 * DAY)

/** The checks of retry settings that a sender and an endpoint share. */
export const RETRY_FIELDS: Fields = {
  delaysMs: (value, path) => list(value, path, { min: 0, max: 100 }, delay),
  jitter: (value, path) => number(value, path, { min: 0, max: 1 }),
  retryAfterMaxMs: delay,
}

/** The checks of attempt settings that a sender and an endpoint share. */
export const ATTEMPT_FIELDS: Fields = {
  deadlineMs: ms(100, MINUTE),
  connectMs: ms(50, MINUTE),
  responseBodyMaxBytes: ms(0, KIB * KIB),
}

export const CONCURRENCY: (value: unknown, path: string) => number = ms(1, 10_000)

const decide = (value: unknown, path: string) => {
  func(value, path)
  return value
}

const GROUPS: Record<string, Fields> = {
  retry: { ...RETRY_FIELDS, decide },
  disable: { afterMs: ms(SECOND, 365 * DAY), minFailures: ms(1, 1_000_000), decide },
  hold: { maxAgeMs: ms(MINUTE, 365 * DAY) },
  concurrency: { total: CONCURRENCY, perEndpoint: CONCURRENCY },
  attempt: ATTEMPT_FIELDS,
  lease: { marginMs: ms(100, 10 * MINUTE) },
  acceptQueueMax: { count: ms(1, 1_000_000), bytes: ms(KIB, 4 * KIB * KIB * KIB) },
  network: { allowHttp: boolean, allowRanges: ranges, denyRanges: ranges },
  retention: { deliveredMs: ms(SECOND, 3_650 * DAY), failedMs: ms(SECOND, 3_650 * DAY) },
}

const SINGLE: Fields = {
  requireTenant: boolean,
  pollMs: ms(10, MINUTE),
  acceptTimeoutMs: ms(10, 10 * MINUTE),
  idempotencyMs: ms(SECOND, 365 * DAY),
  payloadMaxBytes: ms(1, 16 * KIB * KIB),
}

const PORTS: Record<string, readonly string[]> = {
  storage: ['open', 'close', 'insertEvents', 'claimDue', 'settle'],
  transport: ['send', 'close'],
  logger: ['debug', 'info', 'warn', 'error'],
}

const RUNTIME: Record<string, readonly string[] | null> = {
  clock: ['now', 'monotonic', 'after'],
  random: ['float', 'bytes'],
  resolve: null,
}

/** Checks each given field of a group; what is left out stays out. An explicit undefined counts as left out. */
export function checkFields(value: unknown, path: string, fields: Fields): Record<string, unknown> {
  const given = plainObject(value, path, Object.keys(fields))
  const checked: Record<string, unknown> = {}
  for (const [key, check] of Object.entries(fields)) {
    if (given[key] !== undefined) checked[key] = check(given[key], `${path}.${key}`)
  }
  return checked
}

/** Checks all options and fills in the defaults. Throws an `ArgumentError` that names the first wrong one. */
export function resolveOptions(options: unknown): Settings {
  const known = [
    ...Object.keys(SINGLE),
    ...Object.keys(GROUPS),
    ...Object.keys(PORTS),
    'events',
    'signing',
    'secretsKey',
    'runtime',
  ]
  const given = plainObject(options, 'options', known)
  checkPorts(given)
  const settings: Record<string, unknown> = {}
  for (const [key, check] of Object.entries(SINGLE)) {
    settings[key] =
      given[key] === undefined ? DEFAULTS[key as keyof typeof DEFAULTS] : check(given[key], `options.${key}`)
  }
  for (const [key, fields] of Object.entries(GROUPS)) {
    const defaults = DEFAULTS[key as keyof typeof DEFAULTS] as object
    const value = given[key] === undefined ? {} : given[key]
    if (key === 'disable' && value === false) settings[key] = false
    else settings[key] = { ...defaults, ...checkFields(value, `options.${key}`, fields) }
  }
  return settings as unknown as Settings
}

function checkPorts(given: Record<string, unknown>): void {
  if (given.events !== undefined) checkCatalog(given.events, 'options.events')
  for (const [key, methods] of Object.entries(PORTS)) {
    if (given[key] !== undefined) requireMethods(given[key], `options.${key}`, methods)
  }
  // An environment variable that is not set must not leave secrets unsealed.
  if ('secretsKey' in given) masterKeysOf(given.secretsKey)
  if (given.signing !== undefined) checkSchemes(given.signing, 'options.signing')
  if (given.runtime === undefined) return
  const runtime = plainObject(given.runtime, 'options.runtime', Object.keys(RUNTIME))
  for (const [key, methods] of Object.entries(RUNTIME)) {
    if (runtime[key] === undefined) continue
    if (methods === null) func(runtime[key], `options.runtime.${key}`)
    else requireMethods(runtime[key], `options.runtime.${key}`, methods)
  }
}

function requireMethods(value: unknown, path: string, methods: readonly string[]): void {
  for (const method of methods) {
    if (typeof value !== 'object' || value === null || typeof Reflect.get(value, method) !== 'function') {
      throw new ArgumentError('argument_type', path, `must be an object with the method ${method}()`)
    }
  }
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  return Object.freeze(value)
}
