import { createHmac } from 'node:crypto'
import { type VerificationErrorCode, type VerifyOptions, verify } from 'hookferry/verify'
import { standardWebhooks } from '../../../src/signing/standard-webhooks.ts'
import { A_V1 } from '../signing/vectors.ts'

/** Signed requests for the tests of `verify`, as the sender makes them, and by hand where no sender would. */

export const SECONDS = 1_700_000_000
export const NOW = SECONDS * 1_000
export const ENVELOPE = '{"type":"invoice.paid","timestamp":"2023-11-14T22:13:20.000Z","data":{"amount":990}}'

export type Headers3 = Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>

const scheme = standardWebhooks()

/** What the sender writes for this body. */
export function signed(
  body: string | Uint8Array = ENVELOPE,
  { id = 'evt_1', seconds = SECONDS, secrets = [A_V1] } = {},
): { headers: Headers3; body: Uint8Array } {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return { headers: scheme.sign({ id, timestampSeconds: seconds, body: bytes, secrets }) as Headers3, body: bytes }
}

/** The base64 of the MAC of whatever id and timestamp, also those that no sender writes. */
export function mac(id: string, timestamp: string, body: string, secret = A_V1): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  return createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
}

/** Headers with the MAC of their very content. */
export function byHand(id: string, timestamp: string, body = ENVELOPE): { headers: Headers3; body: string } {
  const signature = `v1,${mac(id, timestamp, body)}`
  return { headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }, body }
}

/** The code of the refusal, or `passed`. Anything but a `VerificationError` is thrown. */
export async function verdict(
  input: Parameters<typeof verify>[0],
  secret: string | string[] = A_V1,
  options: VerifyOptions = {},
): Promise<VerificationErrorCode | 'passed'> {
  try {
    await verify(input, secret, { now: () => NOW, ...options })
    return 'passed'
  } catch (error) {
    if (error instanceof Error && error.name === 'VerificationError') return Reflect.get(error, 'code')
    throw error
  }
}
