import { integer, list, oneOf, plainObject, record, required, string, stringMap } from '../arguments.ts'
import type { EndpointOverrides, EndpointSettings, RateLimit } from '../model/endpoint.ts'
import { ATTEMPT_FIELDS, CONCURRENCY, checkFields, RETRY_FIELDS } from '../options.ts'
import { assertPattern } from '../pipeline/fan-out.ts'
import { checkHeaders } from '../runtime/header-guard.ts'
import type { SigningScheme } from '../signing/scheme.ts'
import { schemesFor } from '../signing/schemes.ts'
import { givenSecret, type SecretInput, schemeNames, secretOf } from './check-signing.ts'

/** What an endpoint is made of, as its owner gives it. */
export interface EndpointInput<Type extends string = string> extends EndpointPatch<Type> {
  /** Whose endpoint it is. Default `'default'`. */
  tenant?: string
  /** Where requests go: https, a public address, at most 2,048 characters. */
  url: string
  /**
   * The signing secret: `whsec_…` or `whsk_…`, or the bytes of an HMAC key, 8 to 256 (Standard Webhooks takes 24 to 64). Default: a
   * new one of 32 bytes, of the first kind that suits the schemes that sign for it.
   */
  secret?: SecretInput
}

/** The name of a type, which editors offer where there is a catalogue, or any other pattern. */
export type TypePattern<Type extends string = string> = Type | (string & {})

/** What may be changed. Null returns a field to its default, left out leaves it; overrides merge field by field. */
export interface EndpointPatch<Type extends string = string> {
  /** Where requests go: https, a public address, at most 2,048 characters. */
  url?: string
  /** Patterns by dot segments: `invoice.*` one segment, `invoice.**` any depth. 1 to 100. Default, and null: every type. */
  eventTypes?: TypePattern<Type>[] | null
  /** For people, at most 1,024 characters. */
  description?: string | null
  /** Sent with every request to it. At most 64; none that HTTP, the signature or the content own. */
  headers?: Record<string, string> | null
  /** Overrides `delaysMs`, `jitter` and `retryAfterMaxMs` of the sender's `retry`, each by itself. */
  retry?: { delaysMs?: number[] | null; jitter?: number | null; retryAfterMaxMs?: number | null } | null
  /** Attempts under way at once, in each process, 1 to 10,000. Default: the sender's `concurrency.perEndpoint`. */
  concurrency?: number | null
  /** At most `limit` attempts, 1 to 1,000,000, per `perMs`, 1 ms to 1 day, in each process. Default: no limit. */
  rateLimit?: RateLimit | null
  /** Overrides `deadlineMs`, `connectMs` and `responseBodyMaxBytes` of the sender's `attempt`, each by itself. */
  attempt?: { deadlineMs?: number | null; connectMs?: number | null; responseBodyMaxBytes?: number | null } | null
  /** CIDR ranges allowed for this endpoint besides the sender's. Never take them from a customer. */
  allowRanges?: string[] | null
  /** Names of the sender's schemes that sign for it, 1 to 8, such as `standard-webhooks`. Default, and null: all of them. */
  signing?: string[] | null
  /** Kept with it, never sent. At most 64 entries of 1,024 characters. */
  metadata?: Record<string, string> | null
}

const PATCH_KEYS = [
  'url',
  'eventTypes',
  'description',
  'headers',
  'retry',
  'concurrency',
  'rateLimit',
  'attempt',
  'allowRanges',
  'signing',
  'metadata',
]
const CREATE_KEYS = [...PATCH_KEYS, 'tenant', 'secret']

const DAY = 86_400_000

export interface EndpointChecks {
  /** Throws when a URL is refused. */
  checkUrl: (url: string, allowRanges: readonly string[]) => void
  checkRanges: (ranges: readonly string[], path: string) => void
  /** The sender's. */
  schemes: readonly SigningScheme[]
  /** Throws when no type of the catalogue matches. */
  checkPattern: (pattern: string, path: string) => void
  randomBytes: (size: number) => Uint8Array
  now: number
}

export function endpointInput(value: unknown): Record<string, unknown> {
  return plainObject(value, 'endpoints.create', CREATE_KEYS)
}

/** The settings of a new endpoint, and its secret. */
export function newSettings(
  input: Record<string, unknown>,
  checks: EndpointChecks,
): { settings: EndpointSettings; secret: string } {
  const path = 'endpoints.create'
  required(input.url, `${path}.url`)
  const patch = patchSettings(input, EMPTY, path, checks)
  const settings = { ...EMPTY, ...patch }
  const schemes = schemesFor(checks.schemes, settings.overrides.signing)
  const given = givenSecret(input.secret, `${path}.secret`)
  const secret = secretOf(given, `${path}.secret`, { ...checks, schemes }, ['v1', 'v1a'])
  return { settings, secret }
}

const EMPTY: EndpointSettings = {
  url: '',
  eventTypes: null,
  description: null,
  headers: {},
  secrets: [],
  overrides: {},
  metadata: {},
}

/** A copy: the patch is used when the endpoint has been read, and the caller may change it meanwhile. */
export function updateInput(value: unknown, checks: EndpointChecks): Record<string, unknown> {
  const patch = plainObject(value, 'endpoints.update', PATCH_KEYS)
  // What is well-formed can be copied. Whether a URL suits is judged by the ranges that the endpoint has.
  patchSettings(patch, EMPTY, 'endpoints.update', { ...checks, checkUrl: () => {} })
  return structuredClone(patch)
}

/** The settings that a patch changes, given those of before. */
export function patchSettings(
  patch: Record<string, unknown>,
  before: EndpointSettings,
  path: string,
  checks: EndpointChecks,
): Partial<EndpointSettings> {
  const settings: Partial<EndpointSettings> = {}
  const overrides = patchOverrides(patch, before.overrides, path, checks)
  if (overrides !== before.overrides) settings.overrides = overrides
  if (patch.eventTypes !== undefined) settings.eventTypes = eventTypesOf(patch.eventTypes, `${path}.eventTypes`, checks)
  if (patch.description !== undefined) {
    const length = { min: 0, max: 1_024 }
    settings.description = patch.description === null ? null : string(patch.description, `${path}.description`, length)
  }
  if (patch.headers !== undefined) {
    const headers = record(patch.headers ?? {}, `${path}.headers`)
    settings.headers = checkHeaders(headers, `${path}.headers`)
  }
  if (patch.metadata !== undefined) settings.metadata = stringMap(patch.metadata ?? {}, `${path}.metadata`, 64, 1_024)
  // Of any length here: what a customer typed is judged by checkUrl alone, so that all of it has one code.
  if (patch.url !== undefined) settings.url = string(patch.url, `${path}.url`, { min: 0, max: Number.MAX_SAFE_INTEGER })
  if (settings.url !== undefined || settings.overrides !== undefined) {
    checks.checkUrl(settings.url ?? before.url, overrides.allowRanges ?? [])
  }
  return settings
}

/** Null for every type; each pattern once. An endpoint that wants nothing is a mistake: an empty list is refused. */
function eventTypesOf(value: unknown, path: string, checks: EndpointChecks): string[] | null {
  if (value === null) return null
  const patterns = new Set<string>()
  list(value, path, { min: 1, max: 100 }, (entry, entryPath) => {
    const pattern = string(entry, entryPath, { min: 1, max: 128 })
    if (patterns.has(pattern)) return
    assertPattern(pattern, entryPath)
    checks.checkPattern(pattern, entryPath)
    patterns.add(pattern)
  })
  return [...patterns]
}

function patchOverrides(
  patch: Record<string, unknown>,
  before: EndpointOverrides,
  path: string,
  checks: EndpointChecks,
): EndpointOverrides {
  const changes: [keyof EndpointOverrides, unknown][] = []
  if (patch.retry !== undefined)
    changes.push(['retry', mergeGroup(patch.retry, before.retry, `${path}.retry`, RETRY_FIELDS)])
  if (patch.attempt !== undefined) {
    changes.push(['attempt', mergeGroup(patch.attempt, before.attempt, `${path}.attempt`, ATTEMPT_FIELDS)])
  }
  if (patch.concurrency !== undefined) {
    changes.push([
      'concurrency',
      patch.concurrency === null ? null : CONCURRENCY(patch.concurrency, `${path}.concurrency`),
    ])
  }
  if (patch.rateLimit !== undefined) {
    changes.push(['rateLimit', patch.rateLimit === null ? null : rateLimitOf(patch.rateLimit, `${path}.rateLimit`)])
  }
  if (patch.allowRanges !== undefined) {
    const rangesPath = `${path}.allowRanges`
    const ranges = list(patch.allowRanges ?? [], rangesPath, { min: 0, max: 100 }, (entry, at) => string(entry, at))
    checks.checkRanges(ranges, rangesPath)
    changes.push(['allowRanges', ranges.length === 0 ? null : ranges])
  }
  if (patch.signing !== undefined) {
    const names = patch.signing === null ? null : schemeNames(patch.signing, `${path}.signing`, checks.schemes)
    changes.push(['signing', names])
  }
  if (changes.length === 0) return before
  const merged = { ...before, ...Object.fromEntries(changes) }
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null))
}

/** Fields of a group given as null return to the sender's setting; a group given as null, all of them. Null: nothing left. */
function mergeGroup(
  value: unknown,
  before: object | undefined,
  path: string,
  fields: Parameters<typeof checkFields>[2],
): object | null {
  if (value === null) return null
  const given = plainObject(value, path, Object.keys(fields))
  const cleared = Object.keys(given).filter((key) => given[key] === null)
  const set = Object.fromEntries(Object.entries(given).filter(([, field]) => field !== null))
  const merged: Record<string, unknown> = { ...before, ...checkFields(set, path, fields) }
  for (const key of cleared) delete merged[key]
  return Object.keys(merged).length === 0 ? null : merged
}

function rateLimitOf(value: unknown, path: string): RateLimit {
  const given = plainObject(value, path, ['limit', 'perMs'])
  return {
    limit: integer(required(given.limit, `${path}.limit`), `${path}.limit`, { min: 1, max: 1_000_000 }),
    perMs: integer(required(given.perMs, `${path}.perMs`), `${path}.perMs`, { min: 1, max: DAY }),
  }
}

export function endpointStateFilter(value: unknown, path: string): ('active' | 'paused' | 'disabled')[] {
  const states = Array.isArray(value) ? value : [value]
  return list(states, path, { min: 1, max: 3 }, (state, at) =>
    oneOf(state, at, ['active', 'paused', 'disabled'] as const),
  )
}
