import {
  createWebhookSender,
  type HmacHeaderOptions,
  hmacHeader,
  type ResealResult,
  type RevealedSecret,
  type ShownSecret,
  type SigningScheme,
  type TenantSender,
  type WebhookSender,
} from 'hookferry'
import { describe, expectTypeOf, it } from 'vitest'

/** What must and what must not compile of secrets and what signs with them. `npm run typecheck` is where this fails. */

declare const sender: WebhookSender
const url = 'https://example.com'

/** Never called: only its types count. */
const typed = (_check: () => unknown): void => {}

describe('a secret', () => {
  it('is given as it is written, or by its bytes', () => {
    typed(() => sender.endpoints.create({ url, secret: 'whsec_' }))
    typed(() => sender.endpoints.create({ url, secret: { bytes: Buffer.from('text') } }))
    typed(() => sender.endpoints.rotateSecret('ep', { secret: { bytes: new Uint8Array(32) }, overlapMs: 0 }))
    // @ts-expect-error: a number of bytes makes no key
    typed(() => sender.endpoints.create({ url, secret: { bytes: 32 } }))
    // @ts-expect-error: bytes are given as bytes
    typed(() => sender.endpoints.create({ url, secret: new Uint8Array(32) }))
    // @ts-expect-error: it is changed by rotateSecret
    typed(() => sender.endpoints.update('ep', { secret: 'whsec_' }))
  })

  it('is returned by those who may', () => {
    expectTypeOf<WebhookSender['endpoints']['rotateSecret']>().returns.resolves.toEqualTypeOf<ShownSecret>()
    expectTypeOf<ShownSecret>().toEqualTypeOf<{ secret: string; publicKey: string | null }>()
    expectTypeOf<WebhookSender['endpoints']['revealSecrets']>().returns.resolves.toEqualTypeOf<{
      secrets: RevealedSecret[]
    }>()
    expectTypeOf<RevealedSecret['expiresAt']>().toEqualTypeOf<Date | null>()
  })

  it('is sealed anew at the root, not by a tenant', () => {
    expectTypeOf<WebhookSender['resealSecrets']>().returns.resolves.toEqualTypeOf<ResealResult>()
    expectTypeOf<keyof TenantSender>().extract<'resealSecrets'>().toBeNever()
  })
})

describe('options', () => {
  it('take keys as text or bytes, one or several, and no variable that may not be set', () => {
    typed(() => createWebhookSender({ secretsKey: 'base64' }))
    typed(() => createWebhookSender({ secretsKey: [new Uint8Array(32), 'base64'] }))
    // @ts-expect-error: an environment variable may not be set
    typed(() => createWebhookSender({ secretsKey: process.env.WEBHOOKS_KEY }))
    // @ts-expect-error: no number
    typed(() => createWebhookSender({ secretsKey: 7 }))
  })

  it('take schemes, the host’s own, too', () => {
    expectTypeOf(hmacHeader).returns.toEqualTypeOf<SigningScheme>()
    expectTypeOf<HmacHeaderOptions['algorithm']>().toEqualTypeOf<'sha256' | 'sha1' | 'sha512' | undefined>()
    const own: SigningScheme = { name: 'own', headers: ['x-own'], sign: ({ id }) => ({ 'x-own': id }) }
    typed(() => createWebhookSender({ signing: [own, hmacHeader({ header: 'x-sig' })] }))
    // @ts-expect-error: it has to say which headers are its own
    typed(() => createWebhookSender({ signing: [{ name: 'own', sign: () => ({}) }] }))
    // @ts-expect-error: no scheme signs later
    typed(() => createWebhookSender({ signing: [{ ...own, sign: async () => ({ 'x-own': '1' }) }] }))
    // @ts-expect-error: an unknown algorithm
    typed(() => hmacHeader({ header: 'x-sig', algorithm: 'md5' }))
    // @ts-expect-error: which header?
    typed(() => hmacHeader({}))
  })
})
