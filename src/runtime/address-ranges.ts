import { isIP } from 'node:net'
import { ArgumentError } from '../errors.ts'
import { type AddressRange, range } from './special-ranges.ts'

/** Parses ranges that an operator wrote: `10.0.0.0/8`, `fd00::/8`, or one address. */
export function parseRanges(ranges: readonly string[], path: string): AddressRange[] {
  return ranges.map((text, index) => parseRange(text, `${path}[${index}]`))
}

function parseRange(text: string, path: string): AddressRange {
  const refuse = (why: string): never => {
    throw new ArgumentError('argument_invalid', path, `${why}; write a range such as 10.0.0.0/8 or fd00::/8`)
  }
  if (typeof text !== 'string') return refuse('must be a string')
  const [address = '', bitsText, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0 || address.includes('%')) return refuse(`'${text}' is not an address range`)
  const longest = family === 4 ? 32 : 128
  const bits = bitsText === undefined ? longest : /^\d{1,3}$/.test(bitsText) ? Number(bitsText) : -1
  if (bits < 0 || bits > longest) return refuse(`'${text}' needs a prefix length of 0 to ${longest}`)

  const parsed = range(`${address}/${bits}`, 'given by the operator')
  const { network } = parsed
  if (network.kind() === 'ipv6' && 'isIPv4MappedAddress' in network && network.isIPv4MappedAddress()) {
    return refuse(`'${text}' is an IPv4-mapped range, which is judged as IPv4`)
  }
  if (!network.toByteArray().every((byte, place) => (byte & (0xff >> clamp(bits - place * 8))) === 0)) {
    return refuse(`'${text}' has bits set behind its prefix`)
  }
  return parsed
}

function clamp(bits: number): number {
  return Math.min(Math.max(bits, 0), 8)
}
