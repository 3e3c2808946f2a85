import { time } from '../arguments.ts'
import type { VerifiedEnvelope, VerifiedRaw } from './verified.ts'

/** What a verified body says: the envelope of Standard Webhooks, or anything else. */

type Content = Pick<VerifiedEnvelope | VerifiedRaw, 'type' | 'occurredAt' | 'data'>

const RAW: Content = { type: null, occurredAt: null, data: null }

/** Strict: neither a BOM nor invalid UTF-8 is JSON. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function readEnvelope(body: Uint8Array): Content {
  try {
    const value: unknown = JSON.parse(decoder.decode(body))
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'data')) return RAW
    const { type, timestamp, data } = value as Record<string, unknown>
    return typeof type === 'string' ? { type, occurredAt: new Date(time(timestamp, 'timestamp')), data } : RAW
  } catch {
    // Authentic all the same: senders may send any bytes.
    return RAW
  }
}
