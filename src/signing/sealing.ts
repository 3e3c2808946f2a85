import { hkdfSync } from 'node:crypto'
import nacl from 'tweetnacl'
import { WebhookError } from '../errors.ts'
import type { EndpointRecord, EndpointSecret } from '../model/endpoint.ts'
import { secretsInForce } from './in-force.ts'

/**
 * Secrets at rest. With a key of the operator's they are stored as `sealed1.<key id>.<base64 of nonce and box>`: secretbox of
 * tweetnacl (XSalsa20-Poly1305) under a key that HKDF-SHA256 derives for each endpoint, so that a value which was moved to
 * another endpoint's row does not open there.
 */
export interface Sealing {
  /** Whether there is a key to seal with. */
  readonly active: boolean
  /** The form in which a secret is stored: sealed under the first key; without keys as it is. */
  seal(secret: string, endpointId: string): string
  /** Whether this is the form in which it would be stored now. */
  isCurrent(stored: string): boolean
  /**
   * The secrets of an endpoint that are in force, newest first, in their written form. Throws `secrets_key_unknown`,
   * `secret_unreadable`.
   */
  open(endpoint: Pick<EndpointRecord, 'id' | 'secrets'>, now: number): EndpointSecret[]
}

const KEY_ID_BYTES = 6
const PREFIX = 'sealed'
const SEALED = /^sealed1\.([0-9a-f]{12})\.([A-Za-z0-9+/]+={0,2})$/

/** What a master key is used for: no derived key serves two ends. */
const INFO = { id: 'hookferry key id', secret: 'hookferry secret of ' }

/** The first of the master keys seals, all of them open. */
export function createSealing(masterKeys: readonly Uint8Array[], randomBytes: (size: number) => Uint8Array): Sealing {
  const keys = new Map(masterKeys.map((key) => [derive(key, INFO.id, KEY_ID_BYTES).toString('hex'), key]))
  const [first] = keys
  /** What was opened of the records that the engine keeps: opening takes as long as signing does. */
  const opened = new WeakMap<EndpointSecret, EndpointSecret>()

  const plainOf = (stored: string, endpointId: string): string => {
    if (!stored.startsWith(PREFIX)) return stored
    const [, keyId, sealed] = SEALED.exec(stored) ?? []
    if (keyId === undefined || sealed === undefined) throw unreadable(endpointId)
    const key = keys.get(keyId)
    if (key === undefined) throw keyUnknown(endpointId, keyId, first !== undefined)
    const bytes = new Uint8Array(Buffer.from(sealed, 'base64'))
    const nonce = bytes.subarray(0, nacl.secretbox.nonceLength)
    const box = bytes.subarray(nacl.secretbox.nonceLength)
    const plain = nonce.length < nacl.secretbox.nonceLength ? null : openBox(box, nonce, key, endpointId)
    if (plain === null) throw unreadable(endpointId)
    return Buffer.from(plain).toString()
  }

  return {
    active: first !== undefined,
    seal(secret, endpointId) {
      if (first === undefined) return secret
      const [keyId, key] = first
      const nonce = new Uint8Array(randomBytes(nacl.secretbox.nonceLength))
      const box = nacl.secretbox(new TextEncoder().encode(secret), nonce, boxKey(key, endpointId))
      return `sealed1.${keyId}.${Buffer.concat([nonce, box]).toString('base64')}`
    },
    isCurrent: (stored) => first === undefined || stored.startsWith(`sealed1.${first[0]}.`),
    open: ({ id, secrets }, now) =>
      secretsInForce(secrets, now).map((secret) => {
        const known = opened.get(secret)
        if (known !== undefined) return known
        const plain = { ...secret, value: plainOf(secret.value, id) }
        opened.set(secret, plain)
        return plain
      }),
  }
}

const derive = (key: Uint8Array, info: string, size: number): Buffer =>
  Buffer.from(hkdfSync('sha256', key, '', info, size))

const boxKey = (key: Uint8Array, endpointId: string): Uint8Array =>
  new Uint8Array(derive(key, INFO.secret + endpointId, nacl.secretbox.keyLength))

const openBox = (box: Uint8Array, nonce: Uint8Array, key: Uint8Array, endpointId: string): Uint8Array | null =>
  nacl.secretbox.open(box, nonce, boxKey(key, endpointId))

/** No message holds a key, nor what is stored. */
function keyUnknown(endpointId: string, keyId: string, others: boolean): WebhookError {
  const lack = others ? 'secretsKey does not hold' : 'is not given: there is no secretsKey'
  const message = `the secret of endpoint ${endpointId} is sealed under the key ${keyId}, which ${lack}. Give secretsKey that key, behind the one that is to seal. If it is lost, give the endpoint another secret by rotateSecret with overlapMs: 0.`
  return new WebhookError('secrets_key_unknown', message)
}

function unreadable(endpointId: string): WebhookError {
  const message = `the stored secret of endpoint ${endpointId} does not open: it was damaged, moved there from another endpoint, or sealed by a later version. Restore it, or give the endpoint another one by rotateSecret with overlapMs: 0.`
  return new WebhookError('secret_unreadable', message)
}
