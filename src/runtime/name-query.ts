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
/** c-ares reads the system's configuration once; a host that runs for months sees it change. */
const CONFIGURATION_FRESH_MS = 60_000

/** Asks for A and AAAA at once, by c-ares, which uses no thread. */
export function nameQuery(options: NameQueryOptions, now: () => number): (host: string) => Promise<Answer> {
  let channel: Resolver | undefined
  let openedAt = 0
  const open = (): Resolver => {
    if (!channel || (options.servers === undefined && now() - openedAt > CONFIGURATION_FRESH_MS)) {
      channel = new Resolver({ timeout: options.timeoutMs, tries: options.tries })
      if (options.servers) channel.setServers(options.servers)
      openedAt = now()
    }
    return channel
  }
  return async (host) => {
    const resolver = open()
    const [v4, v6] = await bothFamilies(
      resolver
        .resolve4(host, { ttl: true })
        .then((records) => records.map((record) => ({ ...record, family: 4 as const }))),
      resolver
        .resolve6(host, { ttl: true })
        .then((records) => records.map((record) => ({ ...record, family: 6 as const }))),
    )
    const records = [...(v4.records ?? []), ...(v6.records ?? [])]
    if (records.length === 0) throw worse(host, v4.error, v6.error)
    if (records.length > ADDRESSES_MAX) throw new LookupFailure(host, 'ETOOMANY')
    return {
      addresses: records.map(({ address, family }) => ({ address, family })),
      ttlMs: Math.min(...records.map(({ ttl }) => ttl)) * 1_000,
    }
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
