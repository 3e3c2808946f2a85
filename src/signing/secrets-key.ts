import { ArgumentError } from '../errors.ts'

/**
 * What secrets are sealed with at rest: 32 bytes, as they are, in base64 or in hex. Of several the first seals and all of them
 * open, so that keys can be changed while senders run.
 */
export type SecretsKey = string | Uint8Array | (string | Uint8Array)[]

const KEYS_MAX = 8
const KEY_BYTES = 32

/** Each key as its 32 bytes. Throws an `ArgumentError` that never holds one. */
export function masterKeysOf(secretsKey: unknown): Uint8Array[] {
  const path = 'options.secretsKey'
  if (!Array.isArray(secretsKey)) return [keyOf(secretsKey, path)]
  if (secretsKey.length < 1 || secretsKey.length > KEYS_MAX) {
    throw new ArgumentError('argument_range', path, `must have 1 to ${KEYS_MAX} keys, has ${secretsKey.length}`)
  }
  return Array.from(secretsKey, (key, index) => keyOf(key, `${path}[${index}]`))
}

function keyOf(value: unknown, path: string): Uint8Array {
  if (typeof value === 'string') return keyOfText(value, path)
  if (!(value instanceof Uint8Array)) throw new ArgumentError('argument_type', path, 'must be a string or a Uint8Array')
  if (value.byteLength === KEY_BYTES) return Uint8Array.from(value)
  throw new ArgumentError('argument_range', path, `must have ${KEY_BYTES} bytes, has ${value.byteLength}`)
}

/** 64 digits of hex are 48 bytes as base64, so that neither form is ever taken for the other. */
function keyOfText(text: string, path: string): Uint8Array {
  if (/^[0-9a-f]{64}$/i.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'))
  const key = Buffer.from(text, 'base64')
  const padded = key.toString('base64')
  if (key.byteLength === KEY_BYTES && (text === padded || `${text}=` === padded)) return Uint8Array.from(key)
  const message = `must be ${KEY_BYTES} bytes in base64 or in hex: make one by openssl rand -base64 ${KEY_BYTES}`
  throw new ArgumentError('argument_invalid', path, message)
}
