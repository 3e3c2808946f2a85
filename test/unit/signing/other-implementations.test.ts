import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import * as reference from 'standardwebhooks'
import * as svix from 'svix'
import nacl from 'tweetnacl'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { standardWebhooks } from '../../../src/signing/standard-webhooks.ts'

/** What is signed here verifies elsewhere. The verifiers read the system's clock, so each case sets it. */

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterAll(() => void vi.useRealTimers())

const RUNS = 10_000
const scheme = standardWebhooks()
const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)
const seconds = fc.integer({ min: 0, max: 253_402_300_799 })
const key = fc.uint8Array({ minLength: 24, maxLength: 64 })
const written = (bytes: Uint8Array) => `whsec_${Buffer.from(bytes).toString('base64')}`

describe('10,000 random requests of one to three secrets', () => {
  const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 3, selector: written })

  // Both verifiers decode a body as UTF-8 and parse it as JSON: what is no UTF-8 can not be shown to them.
  it('with random Unicode text verify in standardwebhooks and svix, under each of the secrets', () => {
    const text = fc.string({ unit: 'binary', maxLength: 200 })
    fc.assert(
      fc.property(id, seconds, text, keys, (id, timestampSeconds, text, keys) => {
        const body = Buffer.from(JSON.stringify({ text, clé: ['\u{feff}', '\u{1f600}'] }))
        const secrets = keys.map(written)
        const headers = scheme.sign({ id, timestampSeconds, body, secrets })
        vi.setSystemTime(timestampSeconds * 1_000)
        for (const secret of secrets) {
          expect(new reference.Webhook(secret).verify(body, headers)).toMatchObject({ text })
          expect(new svix.Webhook(secret).verify(body.toString(), headers)).toMatchObject({ text })
        }
      }),
      { numRuns: RUNS },
    )
  }, 120_000)

  it('with random bytes have the HMAC that is worked out by hand, in the order of the secrets', () => {
    fc.assert(
      fc.property(id, seconds, fc.uint8Array({ maxLength: 300 }), keys, (id, timestampSeconds, body, keys) => {
        const content = Buffer.concat([Buffer.from(`${id}.${timestampSeconds}.`, 'latin1'), body])
        const expected = keys.map((key) => `v1,${createHmac('sha256', key).update(content).digest('base64')}`)
        const headers = scheme.sign({ id, timestampSeconds, body, secrets: keys.map(written) })
        expect(headers['webhook-signature']?.split(' ')).toEqual(expected)
      }),
      { numRuns: RUNS },
    )
  }, 120_000)
})

it('v1a makes the same bytes as tweetnacl', () => {
  const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(id, seconds, fc.uint8Array({ maxLength: 300 }), seed, (id, timestampSeconds, body, seed) => {
      const { secretKey } = nacl.sign.keyPair.fromSeed(seed)
      const secret = `whsk_${Buffer.from(secretKey).toString('base64')}`
      const content = Buffer.concat([Buffer.from(`${id}.${timestampSeconds}.`), body])
      const expected = Buffer.from(nacl.sign.detached(content, secretKey)).toString('base64')
      const headers = scheme.sign({ id, timestampSeconds, body, secrets: [secret] })
      expect(headers['webhook-signature']).toBe(`v1a,${expected}`)
    }),
    { numRuns: 200 },
  )
}, 60_000)

it('a changed id, time or body no longer verifies', () => {
  const body = Buffer.from('{"a":1}')
  const secret = written(new Uint8Array(24).fill(1))
  vi.setSystemTime(1_700_000_000_000)
  const headers = scheme.sign({ id: 'evt_1', timestampSeconds: 1_700_000_000, body, secrets: [secret] })
  const verifier = new reference.Webhook(secret)
  expect(verifier.verify(body, headers)).toEqual({ a: 1 })
  expect(() => verifier.verify(body, { ...headers, 'webhook-id': 'evt_2' })).toThrow('No matching signature')
  expect(() => verifier.verify(body, { ...headers, 'webhook-timestamp': '1700000001' })).toThrow(
    'No matching signature',
  )
  expect(() => verifier.verify(Buffer.from('{"a":2}'), headers)).toThrow('No matching signature')
})
