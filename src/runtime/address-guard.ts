import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { WebhookError } from '../errors.ts'
import { parseRanges } from './address-ranges.ts'
import { embeddedIpv4 } from './embedded-ipv4.ts'
import { hostOf } from './host-of.ts'
import { ownAddresses } from './own-addresses.ts'
import { remembered } from './remembered.ts'
import { findRange, GLOBAL_IPV6, SPECIAL_IPV4, SPECIAL_IPV6 } from './special-ranges.ts'

export interface AddressGuardOptions {
  /** Lets `http:` URLs pass. Default false. */
  allowHttp?: boolean
  /** Ranges that are reachable although they are not public. Default none. */
  allowRanges?: readonly string[]
  /** Ranges that are never reachable, whatever is allowed. Default none. */
  denyRanges?: readonly string[]
  /** This host's own addresses. Default: its network interfaces. */
  ownAddresses?: () => ReadonlySet<string>
}

/** Says where a delivery may go. */
export interface AddressGuard {
  /**
   * Parses a customer's URL and checks what can be known without resolving its host. Throws `WebhookError` with
   * `endpoint_url_invalid` or `endpoint_address_blocked`.
   */
  checkUrl(input: string, extraAllow?: readonly string[]): { url: URL }
  /** Why this IP address may not be connected to, or null when it may. `extraAllow` adds to the allowed ranges. */
  judge(address: string, extraAllow?: readonly string[]): string | null
}

const URL_MAX_CHARS = 2_048
// biome-ignore lint/suspicious/noControlCharactersInRegex: the WHATWG parser drops these silently; they are what we look for
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f]/
const RANGES_REMEMBERED = 256
/** Texts come again with every attempt: parsing each once is enough. They are judged each time. */
const PARSED_MAX = 1_024

export function createAddressGuard(options: AddressGuardOptions = {}): AddressGuard {
  const allow = parseRanges(options.allowRanges ?? [], 'options.network.allowRanges')
  const deny = parseRanges(options.denyRanges ?? [], 'options.network.denyRanges')
  const own = options.ownAddresses ?? ownAddresses()
  const extraRanges = remembered(RANGES_REMEMBERED, (text) => parseRanges(text.split(' '), 'endpoint.allowRanges'))
  const formsOf = remembered(PARSED_MAX, parseForms)
  const urlOf = remembered(PARSED_MAX, (input) => parseUrl(input, options.allowHttp ?? false))

  const judge = (address: string, extraAllow?: readonly string[]): string | null => {
    const forms = formsOf(address)
    if (forms.length === 0) return 'not an IP address'
    for (const form of forms) {
      const denied = findRange(deny, form)
      // Not which: a verdict about a customer's own input is shown to the customer.
      if (denied) return 'denied by the operator'
    }
    const extra = extraAllow && extraAllow.length > 0 ? extraRanges(extraAllow.join(' ')) : []
    for (const form of forms) {
      if (findRange(allow, form) || findRange(extra, form)) continue
      const reason = notPublic(form) ?? (own().has(form.toString()) ? 'an address of this host itself' : null)
      if (reason) return reason
    }
    return null
  }

  return {
    judge,
    checkUrl(input, extraAllow) {
      const url = urlOf(input)
      for (const address of knownAddresses(hostOf(url))) {
        const reason = judge(address, extraAllow)
        if (reason === null) continue
        throw new WebhookError(
          'endpoint_address_blocked',
          `the URL's host ${url.hostname} is not reachable from here: ${address} is blocked (${reason}). ` +
            'Use a public address, or let the operator allow its range by network.allowRanges.',
        )
      }
      return { url }
    },
  }
}

/** An address, and those that it carries; none when the text is no IP address. */
function parseForms(address: string): (ipaddr.IPv4 | ipaddr.IPv6)[] {
  if (isIP(address) === 0) return []
  const ip = ipaddr.process(address)
  return ip instanceof ipaddr.IPv6 ? [ip, ...embeddedIpv4(ip)] : [ip]
}

function notPublic(ip: ipaddr.IPv4 | ipaddr.IPv6): string | null {
  const special = findRange(ip.kind() === 'ipv4' ? SPECIAL_IPV4 : SPECIAL_IPV6, ip)
  if (special) return `${special.meaning}, ${special.text}`
  if (ip.kind() === 'ipv6' && !findRange(GLOBAL_IPV6, ip)) return 'not global unicast, outside 2000::/3'
  return null
}

function parseUrl(input: string, allowHttp: boolean): URL {
  const refuse = (why: string, next: string): never => {
    throw new WebhookError('endpoint_url_invalid', `the endpoint's URL ${why}. ${next}`)
  }
  if (typeof input !== 'string') return refuse('is not a string', 'Give an absolute URL.')
  if (input.length > URL_MAX_CHARS) return refuse(`is longer than ${URL_MAX_CHARS} characters`, 'Give a shorter one.')
  if (CONTROL_CHARACTERS.test(input))
    return refuse('holds control characters', 'Remove line breaks, tabs and the like.')
  if (!URL.canParse(input)) return refuse('cannot be parsed', 'Give an absolute URL such as https://example.com/hooks.')
  const url = new URL(input)
  if (url.href.length > URL_MAX_CHARS)
    return refuse(`is longer than ${URL_MAX_CHARS} characters`, 'Give a shorter one.')
  if (url.protocol === 'http:' && !allowHttp) {
    return refuse('uses http', 'Use https, or let the operator allow http by network.allowHttp.')
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse(`uses ${url.protocol}`, 'Use https.')
  if (url.username !== '' || url.password !== '') {
    return refuse('holds a user name or password', 'Remove it; put credentials in a header of the endpoint.')
  }
  if (url.port === '0') return refuse('has port 0', 'Use a port of 1 to 65535.')
  return url
}

/** Addresses that a host stands for without resolving: literals, and localhost by RFC 6761. */
function knownAddresses(host: string): string[] {
  if (isIP(host) !== 0) return [host]
  return isLocalhost(host) ? ['127.0.0.1', '::1'] : []
}

export function isLocalhost(host: string): boolean {
  return /^(?:.+\.)?localhost\.?$/i.test(host)
}
