import ipaddr from 'ipaddr.js'

/** IPv6 addresses that carry an IPv4 address lead, through some gateway, to that address: they are judged by it as well. */
export function embeddedIpv4(ip: ipaddr.IPv6): ipaddr.IPv4[] {
  const b = ip.toByteArray()
  const at = (...places: number[]): ipaddr.IPv4 => new ipaddr.IPv4(places.map((place) => b[place] ?? 0))
  const zero = (from: number, to: number): boolean => b.slice(from, to).every((byte) => byte === 0)
  const word = (index: number): number => ip.parts[index] ?? 0
  const last = (): ipaddr.IPv4 => at(12, 13, 14, 15)

  if (zero(0, 15) && (b[15] ?? 0) <= 1) return [] // :: and ::1 stand for themselves
  if (zero(0, 12)) return [last()] // IPv4-compatible
  if (zero(0, 10) && word(5) === 0xffff) return [last()] // mapped
  if (zero(0, 8) && word(4) === 0xffff && word(5) === 0) return [last()] // translated, RFC 2765
  if (word(0) === 0x64 && word(1) === 0xff9b) {
    if (zero(4, 12)) return [last()] // NAT64, RFC 6052
    // NAT64 for local use, RFC 8215: a /96 carries the address at its end, a /48 around the byte 8, which is zero.
    if (word(2) === 1) return zero(6, 12) ? [last()] : [at(6, 7, 9, 10), last()]
  }
  if (word(0) === 0x2002) return [at(2, 3, 4, 5)] // 6to4
  if (word(0) === 0x2001 && word(1) === 0) {
    const client = new ipaddr.IPv4([12, 13, 14, 15].map((place) => (b[place] ?? 0) ^ 0xff))
    return [at(4, 5, 6, 7), client] // Teredo: the server, and the client with its bits inverted
  }
  if ((word(4) & 0xfdff) === 0 && word(5) === 0x5efe) return [last()] // ISATAP, with and without its universal bit
  return []
}
