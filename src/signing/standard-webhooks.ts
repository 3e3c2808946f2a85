import { createHmac, createSecretKey, type KeyObject, sign as signEd25519 } from 'node:crypto'
import { ArgumentError, WebhookError } from '../errors.ts'
import type { SignInput, SigningScheme } from './scheme.ts'
import { type ParsedSecret, parseSecret, privateKey, type SecretKind } from './secrets.ts'

/** What `standardWebhooks` takes. */
export interface StandardWebhooksOptions {
  /**
   * Which signatures to make. A secret's prefix says which of them it can make: `whsec_` makes `v1` (HMAC-SHA256), `whsk_` makes
   * `v1a` (Ed25519). Default: both.
   */
  versions?: ('v1' | 'v1a')[]
}

const VERSIONS: readonly SecretKind[] = ['v1', 'v1a']

/** Bytes of an HMAC key, by the specification. */
const KEY_BYTES = { min: 24, max: 64 }

/** Keys kept ready. Making one takes as long as signing with it; beyond this many, the least used is made again. */
const KEYS_MAX = 1_024

/**
 * Standard Webhooks 1.0.0: signs `{id}.{timestamp}.{body}`, the body byte for byte as it is sent, and writes `webhook-id`,
 * `webhook-timestamp` and `webhook-signature`. Each secret in force adds one signature, newest first, so that receivers can
 * change over while two secrets overlap.
 */
export function standardWebhooks(options: StandardWebhooksOptions = {}): SigningScheme {
  const versions = checkVersions(checkOptions(options).versions)
  const keyOf = keyCache()
  return {
    name: 'standard-webhooks',
    headers: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    sign(input: SignInput): Record<string, string> {
      const signatures: string[] = []
      for (const secret of input.secrets) {
        const ready = keyOf(secret)
        if (versions.includes(ready.kind) && ready.sized) signatures.push(`${ready.kind},${signature(ready, input)}`)
      }
      if (signatures.length === 0) {
        const message = `no secret in force makes ${versions.map(kindOf).join(' or ')}: give the endpoint another one.`
        throw new WebhookError('endpoint_state_invalid', message)
      }
      return {
        'webhook-id': input.id,
        'webhook-timestamp': String(input.timestampSeconds),
        'webhook-signature': signatures.join(' '),
      }
    },
  }
}

const isSized = (parsed: ParsedSecret): boolean =>
  parsed.kind === 'v1a' || (parsed.key.byteLength >= KEY_BYTES.min && parsed.key.byteLength <= KEY_BYTES.max)

const kindOf = (version: SecretKind): string =>
  version === 'v1' ? `v1 (whsec_, ${KEY_BYTES.min} to ${KEY_BYTES.max} bytes)` : 'v1a (whsk_)'

function checkOptions(options: StandardWebhooksOptions): StandardWebhooksOptions {
  const path = 'standardWebhooks'
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ArgumentError('argument_type', path, 'must be an object, such as { versions: ["v1"] }')
  }
  const unknown = Object.keys(options).find((key) => key !== 'versions')
  if (unknown === undefined) return options
  throw new ArgumentError('argument_unknown', `${path}.${unknown}`, 'is not known here; known are versions')
}

function checkVersions(versions: readonly SecretKind[] = VERSIONS): readonly SecretKind[] {
  const path = 'standardWebhooks.versions'
  if (!Array.isArray(versions) || versions.length === 0 || versions.some((version) => !VERSIONS.includes(version))) {
    throw new ArgumentError('argument_invalid', path, `must be an array with at least one of ${VERSIONS.join(', ')}`)
  }
  return [...versions]
}

/** A secret that was read, as node:crypto signs with it. */
interface ReadyKey {
  kind: SecretKind
  sized: boolean
  key: KeyObject
}

/** Over bytes, never a decoded string: decoding would give bodies that differ in their invalid bytes the same signature. */
function signature({ kind, key }: ReadyKey, { id, timestampSeconds, body }: SignInput): string {
  const head = `${id}.${timestampSeconds}.`
  if (kind === 'v1') return createHmac('sha256', key).update(head).update(body).digest('base64')
  return signEd25519(null, Buffer.concat([Buffer.from(head), body]), key).toString('base64')
}

/** A bounded cache of ready keys, one for each scheme: there is no state outside of it. */
function keyCache(): (secret: string) => ReadyKey {
  const keys = new Map<string, ReadyKey>()
  return (secret) => {
    const ready = keys.get(secret) ?? readyKey(parseSecret(secret))
    // A map keeps the order of insertion: taken out and put back, the key in use is the youngest.
    keys.delete(secret)
    if (keys.size >= KEYS_MAX) {
      const [oldest] = keys.keys()
      keys.delete(oldest as string)
    }
    keys.set(secret, ready)
    return ready
  }
}

function readyKey(parsed: ParsedSecret): ReadyKey {
  const key = parsed.kind === 'v1' ? createSecretKey(parsed.key) : privateKey(parsed.seed)
  return { kind: parsed.kind, sized: isSized(parsed), key }
}
