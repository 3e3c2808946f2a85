import { BlockList } from 'node:net'
import type { ResolvedAddress } from '../ports/resolver.ts'

/** Whether a socket's peer is one of the addresses, however each of them is written. */
export function isAmong(peer: string, addresses: readonly ResolvedAddress[]): boolean {
  if (addresses.some(({ address }) => address === peer)) return true
  const list = new BlockList()
  for (const { address, family } of addresses) list.addAddress(address, family === 6 ? 'ipv6' : 'ipv4')
  return list.check(peer, peer.includes(':') ? 'ipv6' : 'ipv4')
}
