import ipaddr from 'ipaddr.js'

/** A parsed CIDR range and the words that explain it. */
export interface AddressRange {
  text: string
  meaning: string
  network: ipaddr.IPv4 | ipaddr.IPv6
  bits: number
}

export function range(text: string, meaning: string): AddressRange {
  const [network, bits] = ipaddr.parseCIDR(text)
  return { text, meaning, network, bits }
}

export function findRange(ranges: readonly AddressRange[], ip: ipaddr.IPv4 | ipaddr.IPv6): AddressRange | undefined {
  const kind = ip.kind()
  return ranges.find(({ network, bits }) => network.kind() === kind && ip.match(network as never, bits))
}

/** IANA's IPv4 special-purpose registry whole, multicast, and the metadata address that lies in public space. */
export const SPECIAL_IPV4: readonly AddressRange[] = [
  range('0.0.0.0/8', 'this network; connects to loopback'),
  range('10.0.0.0/8', 'private'),
  range('100.64.0.0/10', 'shared by carriers'),
  range('127.0.0.0/8', 'loopback'),
  range('169.254.0.0/16', 'link-local, cloud metadata'),
  range('172.16.0.0/12', 'private'),
  range('192.0.0.0/24', 'protocol assignments'),
  range('192.0.2.0/24', 'documentation'),
  range('192.31.196.0/24', 'AS112'),
  range('192.52.193.0/24', 'AMT'),
  range('192.88.99.0/24', '6to4 relay'),
  range('192.168.0.0/16', 'private'),
  range('192.175.48.0/24', 'AS112'),
  range('198.18.0.0/15', 'benchmarking'),
  range('198.51.100.0/24', 'documentation'),
  range('203.0.113.0/24', 'documentation'),
  range('224.0.0.0/4', 'multicast'),
  range('240.0.0.0/4', 'reserved'),
  range('168.63.129.16/32', 'cloud metadata'),
]

/** What is special inside 2000::/3; everything outside of it is refused without a list. */
export const SPECIAL_IPV6: readonly AddressRange[] = [
  range('2001::/23', 'protocol assignments, Teredo'),
  range('2001:db8::/32', 'documentation'),
  range('2002::/16', '6to4'),
  range('2620:4f:8000::/48', 'AS112'),
  range('3fff::/20', 'documentation'),
]

/** All that IANA has given out as global unicast. */
export const GLOBAL_IPV6: readonly AddressRange[] = [range('2000::/3', 'global unicast')]
