import fc from 'fast-check'
import { verify } from 'hookferry/verify'
import * as reference from 'standardwebhooks'
import * as svix from 'svix'
import { describe, expect, it } from 'vitest'
import { generateSecret, publicKeyOf } from '../../../src/signing/secrets.ts'
import { standardWebhooks } from '../../../src/signing/standard-webhooks.ts'
import { type Headers3, verdict } from './requests.ts'

/** What is signed elsewhere, and by our own sender, verifies here; and nothing that differs from it by a bit. */

const RUNS = 10_000
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const seconds = fc.integer({ min: 0, max: 253_402_300_799 })
const key = fc.uint8Array({ minLength: 24, maxLength: 64 })
const bytes = fc.uint8Array({ maxLength: 300 })
const base64 = (key: Uint8Array) => Buffer.from(key).toString('base64')
const clock = (seconds: number) => ({ now: () => seconds * 1_000 })

describe('10,000 random requests', () => {
  // Neither library signs bytes that are no UTF-8.
  it('that standardwebhooks and svix sign verify', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 })
    await fc.assert(
      fc.asyncProperty(id, seconds, text, key, fc.boolean(), async (id, seconds, text, key, prefixed) => {
        const secret = (prefixed ? 'whsec_' : '') + base64(key)
        const at = new Date(seconds * 1_000)
        const signature = new reference.Webhook(secret).sign(id, at, text)
        expect(new svix.Webhook(secret).sign(id, at, text)).toBe(signature)
        const headers = { 'webhook-id': id, 'webhook-timestamp': `${seconds}`, 'webhook-signature': signature }
        const event = await verify({ headers, body: text }, secret, clock(seconds))
        expect(event.id).toBe(id)
        expect(event.timestamp).toEqual(at)
        expect(Buffer.from(event.body).equals(Buffer.from(text))).toBe(true)
      }),
      { numRuns: RUNS },
    )
  }, 120_000)

  it('of any bytes that our sender signs with one to three secrets verify, under each of them', async () => {
    const keys = fc.array(key, { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(id, seconds, bytes, keys, fc.nat(2), async (id, timestampSeconds, body, keys, which) => {
        const secrets = keys.map((key) => `whsec_${base64(key)}`)
        const headers = standardWebhooks().sign({ id, timestampSeconds, body, secrets }) as Headers3
        const event = await verify({ headers, body }, secrets[which % secrets.length]!, clock(timestampSeconds))
        expect(Buffer.from(event.body).equals(body)).toBe(true)
      }),
      { numRuns: RUNS },
    )
  }, 120_000)

  it('with one bit changed, in the body, a header or the secret, are refused', async () => {
    await fc.assert(
      fc.asyncProperty(id, seconds, bytes, key, fc.nat(), async (id, timestampSeconds, body, key, where) => {
        const secret = `whsec_${base64(key)}`
        const signed = standardWebhooks().sign({ id, timestampSeconds, body, secrets: [secret] }) as Headers3
        const changed = withOneBitChanged({ headers: signed, body, key }, where)
        const anyAge = { ...clock(timestampSeconds), toleranceMs: Number.MAX_SAFE_INTEGER }
        expect(await verdict(changed, `whsec_${base64(changed.key)}`, anyAge)).toMatch(/signature_mismatch|header_/)
      }),
      { numRuns: RUNS },
    )
  }, 120_000)
})

// Ed25519 in JavaScript takes milliseconds.
describe('100 random requests of v1a', () => {
  const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })

  it('that our sender signs verify, and with one bit changed are refused', async () => {
    await fc.assert(
      fc.asyncProperty(id, seconds, bytes, seed, fc.nat(), async (id, timestampSeconds, body, seed, where) => {
        const secret = generateSecret(() => seed, 'v1a')
        const headers = standardWebhooks().sign({ id, timestampSeconds, body, secrets: [secret] }) as Headers3
        const publicKey = publicKeyOf(secret) ?? ''
        const options = { ...clock(timestampSeconds), toleranceMs: Number.MAX_SAFE_INTEGER }
        expect(await verdict({ headers, body }, publicKey, options)).toBe('passed')
        const key = Buffer.from(publicKey.slice('whpk_'.length), 'base64')
        const changed = withOneBitChanged({ headers, body, key }, where)
        const other = `whpk_${base64(changed.key)}`
        expect(await verdict(changed, other, options)).toMatch(/signature_mismatch|header_/)
      }),
      { numRuns: 100 },
    )
  }, 60_000)
})

interface Parts {
  headers: Headers3
  body: Uint8Array
  key: Uint8Array
}

/** The same request but for one bit of all that it has. Headers are taken as the bytes that travel. */
function withOneBitChanged(parts: Parts, where: number): Parts {
  const names = Object.keys(parts.headers) as (keyof Headers3)[]
  const fields = [parts.body, parts.key, ...names.map((name) => Buffer.from(parts.headers[name], 'latin1'))]
  let bit = where % fields.reduce((sum, { byteLength }) => sum + byteLength * 8, 0)
  const [body, key, ...headers] = fields.map((field) => {
    const copy = Uint8Array.from(field)
    if (bit >= 0 && bit < copy.byteLength * 8) copy[bit >> 3]! ^= 1 << (bit & 7)
    bit -= copy.byteLength * 8
    return copy
  })
  const entries = names.map((name, index) => [name, Buffer.from(headers[index]!).toString('latin1')])
  return { body: body!, key: key!, headers: Object.fromEntries(entries) }
}
