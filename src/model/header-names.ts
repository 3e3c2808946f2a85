/** Names of request headers: which are well-formed, and which are nobody's to set but the sender's. */

/** A token of RFC 9110. */
export const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** The connection's own, what we set ourselves, and what would let a header contradict the body or the target. */
const RESERVED = new Set([
  'connection',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Whether a header of this name, in lower case, belongs to the connection or the content. */
export const isReserved = (name: string): boolean => RESERVED.has(name) || name.startsWith('content-')

/** Whether a header of this name, in lower case, belongs to Standard Webhooks. */
export const isStandard = (name: string): boolean => name.startsWith('webhook-')
