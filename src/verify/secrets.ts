import { VerificationError } from '../errors.ts'
import { fromBase64 } from './bytes.ts'

/** The receiver's keys, from secrets in their written form. */

/** `v1` is HMAC-SHA256, `v1a` is Ed25519. */
export type Version = 'v1' | 'v1a'

export interface Key {
  version: Version
  /** The HMAC key, or the Ed25519 public key. */
  bytes: Uint8Array
}

export type Keys = readonly Key[]

/** Each costs a MAC, or a check of each Ed25519 signature, for every request that anybody makes. */
const SECRETS_MAX = 8

/**
 * Bytes of an HMAC key. Standard Webhooks says 24 to 64, and hookferry's sender keeps to it. A receiver has to take what its sender
 * chose, so here the bound is what nobody can guess, 128 bits, and one against nonsense.
 */
const HMAC_BYTES = { min: 16, max: 256 }

const SEED_BYTES = 32
const PUBLIC_BYTES = 32

/** Base64 of the largest key, with its prefix. */
const WRITTEN_LENGTH_MAX = 352

/** Throws `secret_invalid`, by a message that never holds the secret. */
export function readSecrets(secret: unknown): Keys {
  const secrets: unknown[] = Array.isArray(secret) ? secret : [secret]
  if (secrets.length === 0) throw invalid('There is no secret among those given: give at least one.')
  if (secrets.length > SECRETS_MAX) {
    throw invalid(
      `There are ${secrets.length} secrets, ${SECRETS_MAX} are allowed: leave out those that are rotated out.`,
    )
  }
  // Array.from also comes to holes, which map() would pass over.
  return Array.from(secrets, keyOf)
}

function keyOf(secret: unknown): Key {
  if (typeof secret !== 'string' || secret === '') {
    const kind = secret === '' ? 'empty' : `of type ${secret === null ? 'null' : typeof secret}`
    throw invalid(`The secret is ${kind}: is the environment variable set that holds it?`)
  }
  if (secret.length > WRITTEN_LENGTH_MAX) throw invalid('The secret is longer than any: give one secret a string.')
  if (secret.startsWith('whpk_')) return { version: 'v1a', bytes: sized(bytesAfter('whpk_', secret), PUBLIC_BYTES) }
  if (secret.startsWith('whsk_')) {
    // Seed and public key. A receiver needs the public one only; tests at the sender's have the whole at hand.
    const pair = sized(bytesAfter('whsk_', secret), SEED_BYTES + PUBLIC_BYTES)
    return { version: 'v1a', bytes: pair.subarray(SEED_BYTES) }
  }
  const prefix = secret.startsWith('whsec_') ? 'whsec_' : ''
  // With its prefix it says that it is base64, and some senders that make such secrets sign by it as base64. Without one, hex that
  // is meant as base64 would be an accident of less than 1 in 10^15.
  if (prefix === '' && /^[0-9a-f]+$/i.test(secret)) {
    throw invalid(
      'The secret looks like hex, which as base64 is another key: write whsec_ and the base64 of its bytes.',
    )
  }
  return { version: 'v1', bytes: sized(bytesAfter(prefix, secret), HMAC_BYTES.min, HMAC_BYTES.max) }
}

/** Base64, padded or not. */
function bytesAfter(prefix: string, secret: string): Uint8Array {
  const text = secret.slice(prefix.length)
  const padded = text.endsWith('=') ? text : text.padEnd(Math.ceil(text.length / 4) * 4, '=')
  const bytes = fromBase64(padded)
  if (bytes !== null) return bytes
  throw invalid(
    'The secret must be whsec_, whpk_ or nothing, then standard base64 without blanks: copy it as the sender shows it.',
  )
}

function sized(bytes: Uint8Array, min: number, max = min): Uint8Array {
  const { byteLength } = bytes
  if (byteLength >= min && byteLength <= max) return bytes
  const wanted = min === max ? `${min}` : `${min} to ${max}`
  throw invalid(`The secret must hold ${wanted} bytes, holds ${byteLength}: copy the whole of it.`)
}

const invalid = (message: string): VerificationError => new VerificationError('secret_invalid', message)
