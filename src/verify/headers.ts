import { VerificationError } from '../errors.ts'
import { fromBase64 } from './bytes.ts'
import type { RequestHeaders } from './input.ts'
import type { Version } from './secrets.ts'

/** The three headers of Standard Webhooks, read strictly and within bounds: until its signature fits, a request is anybody's. */

export interface Signature {
  version: Version
  bytes: Uint8Array
}

export interface SignedHeaders {
  id: string
  /** Unix seconds, as they were written: what is signed. */
  timestamp: string
  seconds: number
  /** Those that are whole and of a version known here. */
  signatures: Signature[]
}

const NAMES = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const
type Name = (typeof NAMES)[number]

/**
 * Visible ASCII without a dot: between id, timestamp and body stands a dot, and an id with one of its own could take a piece of the
 * timestamp, and the timestamp a piece of the body, under the same signature.
 */
const ID = /^[!-\-/-~]{1,256}$/

/** Nothing but digits: `parseInt` would read `1614265330.5` and `1614265330abc` as well. */
const TIMESTAMP = /^\d{1,12}$/

/** All signatures of a request; a sender has one for each of its secrets in force. */
const SIGNATURE_LENGTH_MAX = 4_096
const SIGNATURES_MAX = 32

const SIGNATURE_BYTES: Record<Version, number> = { v1: 32, v1a: 64 }

export function readHeaders(headers: RequestHeaders): SignedHeaders {
  const values = valuesOf(headers)
  const missing = NAMES.filter((name) => values[name] === undefined || values[name] === '')
  if (missing.length > 0) {
    throw new VerificationError(
      'header_missing',
      `The request lacks ${missing.join(', ')}: refuse it, unless a proxy or framework on the way dropped headers.`,
    )
  }
  const id = matching(values, 'webhook-id', ID, '1 to 256 visible ASCII characters and no dot')
  const timestamp = matching(values, 'webhook-timestamp', TIMESTAMP, 'Unix seconds, digits only')
  return { id, timestamp, seconds: Number(timestamp), signatures: signaturesIn(values['webhook-signature']) }
}

function signaturesIn(value: unknown): Signature[] {
  const items = typeof value === 'string' && value.length <= SIGNATURE_LENGTH_MAX ? value.split(' ') : []
  if (items.length === 0 || items.length > SIGNATURES_MAX) {
    const form = `${SIGNATURES_MAX} signatures at most, in ${SIGNATURE_LENGTH_MAX} characters at most`
    throw invalid('webhook-signature', form)
  }
  return items.flatMap((item) => signatureOf(item) ?? [])
}

/** `v1,` and base64. What is of another version, or not whole, fits nothing, and is no reason to refuse one beside it. */
function signatureOf(item: string): Signature | null {
  const comma = item.indexOf(',')
  const version = item.slice(0, comma)
  if (version !== 'v1' && version !== 'v1a') return null
  const bytes = fromBase64(item.slice(comma + 1))
  return bytes?.byteLength === SIGNATURE_BYTES[version] ? { version, bytes } : null
}

function matching(values: Values, name: Name, pattern: RegExp, form: string): string {
  const value = values[name]
  if (typeof value !== 'string' || !pattern.test(value)) throw invalid(name, form)
  return value
}

function invalid(name: Name, form: string): VerificationError {
  return new VerificationError('header_invalid', `${name} must be one value, ${form}: refuse the request.`)
}

type Values = Partial<Record<Name, unknown>>

/** The values of our three headers. One that was given twice stays an array, which is no valid value. */
function valuesOf(headers: RequestHeaders): Values {
  const values: Values = {}
  for (const [key, value] of pairsOf(headers)) {
    const name = NAMES.find((known) => known === String(key).toLowerCase())
    if (name === undefined || value === undefined) continue
    const single = Array.isArray(value) && value.length === 1 ? value[0] : value
    values[name] = values[name] === undefined ? single : [values[name], single]
  }
  return values
}

function pairsOf(headers: RequestHeaders): Iterable<readonly [string, unknown]> {
  if (Symbol.iterator in headers) return headers as Iterable<readonly [string, unknown]>
  const { get } = headers
  if (typeof get === 'function') return NAMES.map((name) => [name, get.call(headers, name) ?? undefined])
  return Object.entries(headers)
}
