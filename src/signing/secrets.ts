import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { ArgumentError } from '../errors.ts'

/**
 * Signing secrets in their written form, by Standard Webhooks 1.0.0: `whsec_` and the base64 of a key for HMAC, `whsk_` and the
 * base64 of an Ed25519 seed followed by its public key for signatures that receivers verify with `whpk_`.
 */

/** Bytes of an HMAC secret. Keys that others made have many sizes: which of them a scheme takes is the scheme's to say. */
const SECRET_BYTES = { min: 8, max: 256 }

/** Bytes of an HMAC secret that is made here. */
const NEW_SECRET_BYTES = 32

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
    assertSize(key, path)
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
  throw new ArgumentError('argument_invalid', path, `must begin with whsec_ or whsk_: ${REMEDY}`)
}

/** Whether receivers decode a text or use it as it is, only its owner knows: it is never guessed. */
const REMEDY =
  'give a key of your own by its bytes, { bytes: Buffer.from(text) } when receivers use the text itself as the key, ' +
  "{ bytes: Buffer.from(text, 'hex') } or 'base64' when they decode it first, or write whsec_ and the base64 of its bytes"

/** A key in hex: as base64 it is well-formed, and another key. A random key looks so once in 2^64. */
const HEX = /^(?=.*\d)(?:[\da-f]{32,}|[\dA-F]{32,})$/

/**
 * Checks a secret that a person gave, and returns it in its normal form: padded base64. An Ed25519 secret whose public half does
 * not belong to its seed is refused, since its owner's receivers would verify with the wrong key.
 */
export function assertSecret(value: string, path: string): string {
  const parsed = parseSecret(value, path)
  if (parsed.kind === 'v1') {
    if (HEX.test(value.slice(PREFIX.v1.length))) {
      throw new ArgumentError('argument_invalid', path, `holds hex, which would be read as base64: ${REMEDY}`)
    }
    return PREFIX.v1 + base64(parsed.key)
  }
  if (!publicHalf(privateKey(parsed.seed)).equals(parsed.publicKey)) {
    throw new ArgumentError('argument_invalid', path, 'holds a public key that does not belong to its seed')
  }
  return PREFIX.v1a + base64(Buffer.concat([parsed.seed, parsed.publicKey]))
}

/** The written form of an HMAC key that is given by its bytes. */
export function secretOfBytes(key: Uint8Array, path: string): string {
  assertSize(key, path)
  return PREFIX.v1 + base64(key)
}

/** A new secret in its written form, from the bytes that `randomBytes` yields. */
export function generateSecret(randomBytes: (size: number) => Uint8Array, kind: SecretKind = 'v1'): string {
  if (kind === 'v1') return PREFIX.v1 + base64(randomBytes(NEW_SECRET_BYTES))
  const seed = randomBytes(SEED_BYTES)
  return PREFIX.v1a + base64(Buffer.concat([seed, publicHalf(privateKey(seed))]))
}

/** The `whpk_` public key of a `whsk_` secret: what its receivers are given. Null: an HMAC secret has none. */
export function publicKeyOf(secret: string): string | null {
  const parsed = parseSecret(secret)
  return parsed.kind === 'v1' ? null : PREFIX.public + base64(parsed.publicKey)
}

/** An Ed25519 seed as a key that node:crypto signs with. */
export function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' })
}

/** The raw public key is the tail of its DER form. */
function publicHalf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES)
}

function assertSize(key: Uint8Array, path: string): void {
  const { min, max } = SECRET_BYTES
  if (key.byteLength >= min && key.byteLength <= max) return
  throw new ArgumentError('argument_range', path, `must hold ${min} to ${max} bytes, holds ${key.byteLength}`)
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
