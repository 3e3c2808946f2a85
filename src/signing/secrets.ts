import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { ArgumentError } from '../errors.ts'

/**
 * Signing secrets in their written form, by Standard Webhooks 1.0.0: `whsec_` and the base64 of 24 to 64 bytes for HMAC, `whsk_`
 * and the base64 of an Ed25519 seed followed by its public key for signatures that receivers verify with `whpk_`.
 */

/** Bytes of an HMAC secret, and of what `generateSecret` makes by default. */
export const SECRET_BYTES = Object.freeze({ min: 24, max: 64, default: 32 })

/** What a secret is for: `v1` is HMAC-SHA256, `v1a` is Ed25519. */
export type SecretKind = 'v1' | 'v1a'

export type ParsedSecret = { kind: 'v1'; key: Uint8Array } | { kind: 'v1a'; seed: Uint8Array; publicKey: Uint8Array }

const PREFIX = { v1: 'whsec_', v1a: 'whsk_', public: 'whpk_' } as const

const SEED_BYTES = 32

/** The fixed head of a PKCS #8 private key that holds an Ed25519 seed (RFC 8410). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

/** Reads a written secret. Throws an `ArgumentError` that names `path` and never holds the secret. */
export function parseSecret(value: string, path = 'secret'): ParsedSecret {
  if (typeof value !== 'string') throw new ArgumentError('argument_type', path, 'must be a string')
  if (value.startsWith(PREFIX.v1)) {
    const key = bytesOf(value.slice(PREFIX.v1.length), path)
    const { min, max } = SECRET_BYTES
    if (key.byteLength < min || key.byteLength > max) {
      throw new ArgumentError('argument_range', path, `must hold ${min} to ${max} bytes, holds ${key.byteLength}`)
    }
    return { kind: 'v1', key }
  }
  if (value.startsWith(PREFIX.v1a)) {
    const pair = bytesOf(value.slice(PREFIX.v1a.length), path)
    if (pair.byteLength !== 2 * SEED_BYTES) {
      throw new ArgumentError(
        'argument_range',
        path,
        `must hold 64 bytes, seed and public key, holds ${pair.byteLength}`,
      )
    }
    return { kind: 'v1a', seed: pair.subarray(0, SEED_BYTES), publicKey: pair.subarray(SEED_BYTES) }
  }
  // Taken as base64, a bare hex string would make another key than its owner means, and no receiver would ever verify.
  throw new ArgumentError(
    'argument_invalid',
    path,
    'must begin with whsec_ or whsk_: write an existing key as whsec_ and the base64 of its bytes',
  )
}

/**
 * Checks a secret that a person gave, and returns it in its normal form: padded base64. An Ed25519 secret whose public half does
 * not belong to its seed is refused, since its owner's receivers would verify with the wrong key.
 */
export function assertSecret(value: string, path: string): string {
  const parsed = parseSecret(value, path)
  if (parsed.kind === 'v1') return PREFIX.v1 + base64(parsed.key)
  if (!publicHalf(privateKey(parsed.seed)).equals(parsed.publicKey)) {
    throw new ArgumentError('argument_invalid', path, 'holds a public key that does not belong to its seed')
  }
  return PREFIX.v1a + base64(Buffer.concat([parsed.seed, parsed.publicKey]))
}

export interface GenerateOptions {
  /** Bytes of an HMAC secret, 24 to 64. Default 32. An Ed25519 secret has no choice. */
  bytes?: number
  /** Default `v1`. */
  kind?: SecretKind
}

/** A new secret in its written form, from the bytes that `randomBytes` yields. */
export function generateSecret(randomBytes: (size: number) => Uint8Array, options: GenerateOptions = {}): string {
  if (options.kind === 'v1a') {
    const seed = randomBytes(SEED_BYTES)
    return PREFIX.v1a + base64(Buffer.concat([seed, publicHalf(privateKey(seed))]))
  }
  const bytes = options.bytes ?? SECRET_BYTES.default
  if (!Number.isInteger(bytes) || bytes < SECRET_BYTES.min || bytes > SECRET_BYTES.max) {
    throw new ArgumentError('argument_range', 'secret.bytes', `must be ${SECRET_BYTES.min} to ${SECRET_BYTES.max}`)
  }
  return PREFIX.v1 + base64(randomBytes(bytes))
}

/** The `whpk_` public key of a `whsk_` secret: what its receivers are given. */
export function publicKeyOf(secret: string): string {
  const parsed = parseSecret(secret)
  if (parsed.kind === 'v1') {
    throw new ArgumentError(
      'argument_invalid',
      'secret',
      'is an HMAC secret, which has no public key; give one with whsk_',
    )
  }
  return PREFIX.public + base64(parsed.publicKey)
}

/** An Ed25519 seed as a key that node:crypto signs with. */
export function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' })
}

/** The raw public key is the tail of its DER form. */
function publicHalf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES)
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/** Standard base64, padded or not. Anything else would be skipped silently by Node's decoder. */
function bytesOf(text: string, path: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64')
  const padded = bytes.toString('base64')
  // Written again it must be the same: that finds foreign characters, a cut-off end and half a padding at once.
  if (text !== padded && text !== padded.replace(/=+$/, '')) {
    throw new ArgumentError('argument_invalid', path, 'must be standard base64 after its prefix')
  }
  return bytes
}
