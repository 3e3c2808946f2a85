import { lookup } from 'node:dns/promises'
import type { Resolve } from '../ports/resolver.ts'
import { abortable } from './abortable.ts'
import { lookupFailure } from './lookup-failure.ts'

/**
 * The operating system's resolver, for those who need the hosts file, search domains or mDNS. Each look-up holds one of the
 * host's threads, by default four, until it ends: names that hang then delay the host's own look-ups and file access.
 */
export function systemResolver(): Resolve {
  return async (host, { signal }) => {
    const answer = lookup(host, { all: true }).catch((error: unknown) => {
      throw lookupFailure(host, error)
    })
    const addresses = await abortable(answer, signal)
    return addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
  }
}
