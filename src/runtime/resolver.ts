import { performance } from 'node:perf_hooks'
import type { Resolve, ResolvedAddress } from '../ports/resolver.ts'
import { abortable } from './abortable.ts'
import { isLocalhost } from './address-guard.ts'
import { LookupFailure, lookupFailure } from './lookup-failure.ts'
import { queryName } from './name-query.ts'

export interface ResolverOptions {
  /** Name servers, such as `10.0.0.2` or `10.0.0.2:5353`. Default: the system's. */
  servers?: readonly string[]
  /** For one query to one server. Default 2,000. */
  timeoutMs?: number
  /** How often each server is asked. Default 2. */
  tries?: number
  /** Longest time that an answer is used, whatever its TTL says. Default 60,000. */
  ttlMaxMs?: number
  /** Names remembered. Default 2,000. */
  cacheMax?: number
  /** Names being asked for at once; more wait. Default 256. */
  inFlightMax?: number
  /** Milliseconds that only grow. Default: the system's. */
  monotonic?: () => number
}

/** Even an answer that forbids caching serves the requests of its second. */
const TTL_MIN_MS = 1_000
/** A name that does not exist may exist soon; servers that failed may be back sooner. */
const NO_SUCH_NAME_MS = 5_000
const FAILED_MS = 1_000
const WAITING_MAX = 2_000

interface Entry {
  result: ResolvedAddress[] | LookupFailure
  until: number
}

/** A name being asked for, and how many wait for it; when the last one has gone, the question is taken back. */
interface Pending {
  answer: Promise<ResolvedAddress[]>
  waiting: number
  giveUp: AbortController
}

/**
 * Resolves names by queries of our own, with a limit on time, memory and numbers, so that customers' names that hang take
 * nothing from the host's own look-ups. It reads no hosts file and knows no search domains.
 */
export function createResolver(options: ResolverOptions = {}): Resolve {
  const { timeoutMs = 2_000, tries = 2, inFlightMax = 256 } = options
  const queryOptions = { timeoutMs, tries, ...(options.servers && { servers: options.servers }) }
  const slots = createSlots(inFlightMax)
  const cache = createCache(options)
  const asking = new Map<string, Pending>()

  const ask = async (name: string, signal: AbortSignal): Promise<ResolvedAddress[]> => {
    await slots.take(name)
    try {
      signal.throwIfAborted()
      const { addresses, ttlMs } = await queryName(name, queryOptions, signal)
      cache.remember(name, addresses, ttlMs)
      return addresses
    } catch (error) {
      const failure = lookupFailure(name, error)
      if (!signal.aborted) cache.remember(name, failure)
      throw failure
    } finally {
      slots.give()
    }
  }

  const join = (name: string): Pending => {
    const joined = asking.get(name)
    if (joined) return joined
    const giveUp = new AbortController()
    const pending: Pending = { answer: ask(name, giveUp.signal), waiting: 0, giveUp }
    const done = (): void => {
      if (asking.get(name) === pending) asking.delete(name)
    }
    pending.answer.then(done, done)
    asking.set(name, pending)
    return pending
  }

  return async (host, { signal }) => {
    signal.throwIfAborted()
    const name = host.toLowerCase().replace(/\.$/, '')
    if (isLocalhost(name)) return localhost()
    const known = cache.find(name)
    if (known instanceof LookupFailure) throw known
    if (known) return [...known]
    const pending = join(name)
    pending.waiting += 1
    try {
      return [...(await abortable(pending.answer, signal))]
    } finally {
      pending.waiting -= 1
      if (pending.waiting === 0 && asking.get(name) === pending) {
        asking.delete(name)
        pending.giveUp.abort()
      }
    }
  }
}

/** By RFC 6761 these names never leave the machine. */
function localhost(): ResolvedAddress[] {
  return [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
}

function createCache({ ttlMaxMs = 60_000, cacheMax = 2_000, monotonic = () => performance.now() }: ResolverOptions) {
  const entries = new Map<string, Entry>()
  return {
    find(name: string): Entry['result'] | undefined {
      const entry = entries.get(name)
      return entry && entry.until > monotonic() ? entry.result : undefined
    },
    remember(name: string, result: Entry['result'], ttlMs = 0): void {
      const forMs = result instanceof LookupFailure ? failureMs(result) : Math.max(ttlMs, TTL_MIN_MS)
      entries.delete(name)
      const oldest = entries.size >= cacheMax ? entries.keys().next().value : undefined
      if (oldest !== undefined) entries.delete(oldest)
      entries.set(name, { result, until: monotonic() + Math.min(forMs, ttlMaxMs) })
    },
  }
}

function failureMs({ code }: LookupFailure): number {
  return code === 'ENOTFOUND' || code === 'ENODATA' ? NO_SUCH_NAME_MS : FAILED_MS
}

/** Counts what is under way; who comes when all is taken waits its turn, and is refused when too many wait already. */
function createSlots(max: number): { take(name: string): Promise<void>; give(): void } {
  const waiting: (() => void)[] = []
  let taken = 0
  return {
    async take(name) {
      if (taken < max) taken += 1
      else if (waiting.length >= WAITING_MAX) throw new LookupFailure(name, 'EBUSY')
      else await new Promise<void>((resolve) => waiting.push(resolve))
    },
    give() {
      const next = waiting.shift()
      if (next) next()
      else taken -= 1
    },
  }
}
