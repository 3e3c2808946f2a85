import nacl from 'tweetnacl'
import { equalBytes } from './bytes.ts'
import type { Signature, SignedHeaders } from './headers.ts'
import type { Keys } from './secrets.ts'

/** What was signed, and whether a signature fits it. */

export interface SignedContent {
  /** `{id}.{timestamp}.{body}`. */
  all: Uint8Array
  /** The end of it. */
  body: Uint8Array
}

/** Bytes, never a decoded string: decoding would give bodies that differ in their invalid bytes the same signature. */
export function signedContent({ id, timestamp }: SignedHeaders, body: Uint8Array): SignedContent {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`)
  const all = new Uint8Array(head.byteLength + body.byteLength)
  all.set(head)
  all.set(body, head.byteLength)
  return { all, body: all.subarray(head.byteLength) }
}

/**
 * Ed25519 checks for one request, each of one signature by one key: in JavaScript each takes up to some ten milliseconds, which a
 * request of anybody's must not take over and over. So many that one signature can be tried by every key; senders write the newest
 * first.
 */
const ED25519_MAX = 8

/** Whether one of the signatures fits one of the keys of its own version. */
export async function someSignatureFits(
  content: Uint8Array,
  signatures: readonly Signature[],
  keys: Keys,
): Promise<boolean> {
  const macs = signatures.filter(({ version }) => version === 'v1')
  for (const { version, bytes } of keys) {
    if (version !== 'v1' || macs.length === 0) continue
    const expected = await hmac(bytes, content)
    if (macs.some((signature) => equalBytes(signature.bytes, expected))) return true
  }
  const publicKeys = keys.filter(({ version }) => version === 'v1a')
  const pairs = signatures
    .filter(({ version }) => version === 'v1a')
    .flatMap((signature) => publicKeys.map((key) => ({ signature, key })))
  return pairs.slice(0, ED25519_MAX).some(({ signature, key }) => ed25519Fits(content, signature.bytes, key.bytes))
}

async function hmac(key: Uint8Array, content: Uint8Array): Promise<Uint8Array> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, content))
}

function ed25519Fits(content: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  return isReduced(signature.subarray(32)) && nacl.sign.detached.verify(content, signature, publicKey)
}

/** The order of the group of Ed25519, 2^252 + 27742317777372353535851937790883648493. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

/**
 * Whether the second half of a signature is below the order (RFC 8032, 5.1.7). tweetnacl does not ask, and would take a second
 * form of every signature.
 */
function isReduced(scalar: Uint8Array): boolean {
  return scalar.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n) < ORDER
}
