import { performance } from 'node:perf_hooks'
import type { Resolve, ResolvedAddress } from '../ports/resolver.ts'
import { abortable } from './abortable.ts'
import { isLocalhost } from './address-guard.ts'
import { LookupFailure, lookupFailure } from './lookup-failure.ts'
import { nameQuery } from './name-query.ts'

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

/**
 * Resolves names by queries of our own, with a limit on time, memory and numbers, so that customers' names that hang take
 * nothing from the host's own look-ups. It reads no hosts file and knows no search domains.
 */
export function createResolver(options: ResolverOptions = {}): Resolve {
  const now = options.monotonic ?? (() => performance.now())
  const { timeoutMs = 2_000, tries = 2, ttlMaxMs = 60_000, cacheMax = 2_000, inFlightMax = 256 } = options
  const query = nameQuery({ timeoutMs, tries, ...(options.servers && { servers: options.servers }) }, now)
  const slots = createSlots(inFlightMax)
  const cache = new Map<string, Entry>()
  const asking = new Map<string, Promise<ResolvedAddress[]>>()

  const remember = (name: string, result: Entry['result'], forMs: number): void => {
    cache.delete(name)
    const oldest = cache.size >= cacheMax ? cache.keys().next().value : undefined
    if (oldest !== undefined) cache.delete(oldest)
    cache.set(name, { result, until: now() + forMs })
  }

  const ask = async (name: string): Promise<ResolvedAddress[]> => {
    await slots.take(name)
    try {
      const { addresses, ttlMs } = await query(name)
      remember(name, addresses, Math.min(Math.max(ttlMs, TTL_MIN_MS), ttlMaxMs))
      return addresses
    } catch (error) {
      const failure = lookupFailure(name, error)
      const absent = failure.code === 'ENOTFOUND' || failure.code === 'ENODATA'
      remember(name, failure, absent ? NO_SUCH_NAME_MS : FAILED_MS)
      throw failure
    } finally {
      slots.give()
    }
  }

  return async (host, { signal }) => {
    signal.throwIfAborted()
    const name = host.toLowerCase().replace(/\.$/, '')
    if (isLocalhost(name)) return localhost()
    const known = cache.get(name)
    if (known && known.until > now()) {
      if (known.result instanceof LookupFailure) throw known.result
      return [...known.result]
    }
    let answer = asking.get(name)
    if (!answer) {
      answer = ask(name).finally(() => asking.delete(name))
      asking.set(name, answer)
    }
    return [...(await abortable(answer, signal))]
  }
}

/** By RFC 6761 these names never leave the machine. */
function localhost(): ResolvedAddress[] {
  return [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
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
