import { networkInterfaces } from 'node:os'
import { performance } from 'node:perf_hooks'

const FRESH_MS = 10_000

/** This machine's own interface addresses, read again when older than ten seconds: interfaces come and go. */
export function ownAddresses(): () => ReadonlySet<string> {
  let known: ReadonlySet<string> = new Set()
  let readAt = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - readAt > FRESH_MS) {
      readAt = now
      known = new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)))
    }
    return known
  }
}
