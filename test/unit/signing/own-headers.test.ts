import { sign as githubSign, verify as githubVerify } from '@octokit/webhooks-methods'
import fc from 'fast-check'
import Stripe from 'stripe'
import { describe, expect, it } from 'vitest'
import { hmacHeader } from '../../../src/signing/hmac-header.ts'
import { secretOfBytes } from '../../../src/signing/secrets.ts'

/** The header forms of GitHub and Stripe: what is signed here verifies there, and what is signed there is made here byte for byte. */

const RUNS = 10_000
const github = hmacHeader({ header: 'X-Hub-Signature-256', prefix: 'sha256=' })
const stripe = hmacHeader({
  header: 'Stripe-Signature',
  prefix: 't={timestamp},v1=',
  content: '{timestamp}.{body}',
  separator: ',v1=',
})

const bytes = (text: string) => new TextEncoder().encode(text)
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 })
/** Both take a secret as text, and its UTF-8 as the key. */
const secret = fc
  .string({ unit: 'binary', minLength: 8, maxLength: 64 })
  .filter((text) => text.trim() !== '' && bytes(text).byteLength <= 256)
const written = (secret: string) => secretOfBytes(bytes(secret), 'secret')
const seconds = fc.integer({ min: 1, max: 253_402_300_799 })

const signed = (scheme: typeof github, body: string, secrets: string[], timestampSeconds = 1) => {
  const input = { id: 'evt_1', timestampSeconds, body: bytes(body), secrets: secrets.map(written) }
  return Object.values(scheme.sign(input))[0] ?? ''
}

describe('10,000 random requests', () => {
  it("in GitHub's form are the same as those of @octokit/webhooks-methods, and verify there", async () => {
    await fc.assert(
      fc.asyncProperty(text, secret, async (body, secret) => {
        const signature = signed(github, body, [secret])
        expect(signature).toBe(await githubSign(secret, body))
        expect(await githubVerify(secret, body, signature)).toBe(true)
        expect(await githubVerify(secret, `${body} `, signature)).toBe(false)
      }),
      { numRuns: RUNS },
    )
  }, 120_000)

  it("in Stripe's form are the same as those of stripe, and verify there under each secret in force", () => {
    const secrets = fc.uniqueArray(secret, { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(text, secrets, seconds, (text, secrets, timestamp) => {
        const payload = JSON.stringify({ text })
        const [first = ''] = secrets
        const alone = signed(stripe, payload, [first], timestamp)
        expect(alone).toBe(Stripe.webhooks.generateTestHeaderString({ payload, secret: first, timestamp }))
        const header = signed(stripe, payload, secrets, timestamp)
        const receivedAt = timestamp * 1_000
        for (const secret of secrets) {
          const event = Stripe.webhooks.constructEvent(payload, header, secret, 300, undefined, receivedAt)
          expect(event).toEqual({ text })
        }
      }),
      { numRuns: RUNS },
    )
  }, 120_000)
})

it('Stripe refuses what was changed on the way', () => {
  const payload = '{"a":1}'
  const header = signed(stripe, payload, ['a secret of text'], 1_700_000_000)
  const verified = (payload: string, header: string) =>
    Stripe.webhooks.constructEvent(payload, header, 'a secret of text', 300, undefined, 1_700_000_000_000)
  expect(verified(payload, header)).toEqual({ a: 1 })
  expect(() => verified('{"a":2}', header)).toThrow()
  expect(() => verified(payload, header.replace('t=17', 't=18'))).toThrow()
})
