import { isIP, type LookupFunction } from 'node:net'
import type { ResolvedAddress } from '../ports/resolver.ts'
import type { TransportRequest } from '../ports/transport.ts'
import { hostOf } from '../runtime/host-of.ts'
import { isAmong } from './peer.ts'

/** Connections that lead to the checked addresses and nowhere else. */

type Pin = Pick<TransportRequest, 'addresses' | 'connectMs'>

/** Why no connection may be asked for; null: one may. */
export function refusal(url: URL, addresses: readonly ResolvedAddress[]): string | null {
  if (addresses.length === 0) return 'blocked: no checked address was given'
  const host = hostOf(url)
  // Node asks no `lookup` about literals, so that they are compared here.
  if (isIP(host) !== 0 && !isAmong(host, addresses)) return `blocked: ${host} is not one of the checked addresses`
  return null
}

/** What a connection can be used for: equal keys have the same host, port and set of addresses. */
export function poolKey(url: URL, addresses: readonly ResolvedAddress[]): string {
  const set =
    addresses.length === 1
      ? (addresses[0]?.address ?? '')
      : addresses
          .map(({ address }) => address)
          .sort()
          .join()
  return `${url.protocol}${url.host}|${set}`
}

/** What `net.connect` and `tls.connect` need to know besides host and port. */
export function pinnedOptions(host: string, pin: Pin) {
  return {
    lookup: answer(pin.addresses),
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: attemptTimeout(pin),
    // Certificates and SNI know no trailing dot, and no addresses.
    servername: isIP(host) === 0 ? host.replace(/\.$/, '') : '',
  }
}

/** A `lookup` that knows one answer. */
function answer(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const wanted = typeof options.family === 'number' ? options.family : 0
    const fitting = wanted === 4 || wanted === 6 ? addresses.filter(({ family }) => family === wanted) : [...addresses]
    const first = fitting[0]
    if (options.all) return callback(null, fitting)
    if (first) return callback(null, first.address, first.family)
    callback(Object.assign(new Error('no checked address of this family'), { code: 'EADDRNOTAVAIL' }), '')
  }
}

/**
 * How long one address may take before the next is tried. Node's 250 ms gives up on far hosts for good; a share of
 * `connectMs` does not.
 */
function attemptTimeout({ connectMs, addresses }: Pin): number {
  return Math.round(Math.min(1_000, Math.max(250, connectMs / Math.max(1, addresses.length))))
}
