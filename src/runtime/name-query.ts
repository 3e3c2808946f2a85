import { Resolver } from 'node:dns/promises'
import type { ResolvedAddress } from '../ports/resolver.ts'
import { LookupFailure, lookupFailure } from './lookup-failure.ts'

export interface Answer {
  addresses: ResolvedAddress[]
  ttlMs: number
}

export interface NameQueryOptions {
  servers?: readonly string[]
  timeoutMs: number
  tries: number
}

/** A name with more addresses than this is no receiver's. */
const ADDRESSES_MAX = 256
/** How long the second family is waited for once the first has an answer; some servers never answer AAAA. */
const OTHER_FAMILY_MS = 300

/**
 * Asks for A and AAAA at once, by c-ares, which uses no thread. Each name gets a channel of its own (13 µs): it can be given
 * up alone, and it sees today's configuration of the system.
 */
export async function queryName(host: string, options: NameQueryOptions, signal: AbortSignal): Promise<Answer> {
  const channel = new Resolver({ timeout: options.timeoutMs, tries: options.tries })
  if (options.servers) channel.setServers(options.servers)
  const giveUp = (): void => channel.cancel()
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    const [v4, v6] = await bothFamilies(
      channel.resolve4(host, { ttl: true }).then((found) => found.map((record) => ({ ...record, family: 4 }))),
      channel.resolve6(host, { ttl: true }).then((found) => found.map((record) => ({ ...record, family: 6 }))),
    )
    const records = [...(v4.records ?? []), ...(v6.records ?? [])]
    if (records.length === 0) throw worse(host, v4.error, v6.error)
    if (records.length > ADDRESSES_MAX) throw new LookupFailure(host, 'ETOOMANY')
    return {
      addresses: records.map(({ address, family }) => ({ address, family })),
      ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1_000,
    }
  } finally {
    signal.removeEventListener('abort', giveUp)
    giveUp() // the family that was waited for no longer
  }
}

interface Found {
  address: string
  ttl: number
  family: 4 | 6
}

interface Part {
  records?: Found[]
  error?: unknown
}

async function bothFamilies(v4: Promise<Found[]>, v6: Promise<Found[]>): Promise<[Part, Part]> {
  const parts: [Part, Part] = [{}, {}]
  const note = (part: Part, query: Promise<Found[]>): Promise<boolean> =>
    query.then(
      (records) => {
        part.records = records
        return records.length > 0
      },
      (error: unknown) => {
        part.error = error
        return false
      },
    )
  const first = note(parts[0], v4)
  const second = note(parts[1], v6)
  const found = await Promise.race([first.then((any) => any || second), second.then((any) => any || first)])
  if (found) await orAfter(OTHER_FAMILY_MS, Promise.all([first, second]))
  return parts
}

async function orAfter(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, patience])
  clearTimeout(timer)
}

/** Of two failures the one that says more: a server that failed tells nothing about whether the name exists. */
function worse(host: string, ...errors: unknown[]): LookupFailure {
  const failures = errors.map((error) =>
    error === undefined ? new LookupFailure(host, 'ENODATA') : lookupFailure(host, error),
  )
  const failed = failures.find(({ code }) => code !== 'ENOTFOUND' && code !== 'ENODATA')
  return failed ?? failures.find(({ code }) => code === 'ENODATA') ?? (failures[0] as LookupFailure)
}
