import type { SecretsKey, Storage, WebhookSender } from 'hookferry'
import { createWebhookSender } from 'hookferry'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { fakeResolver } from '../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../src/testing/scripted-transport.ts'

/** Secrets that several senders change at once over a real storage, in real time. `storage` makes another way to the same one. */
export function secretsUnderLoad(storage: () => Storage): void {
  const [OLD, NEW] = [1, 2].map((fill) => new Uint8Array(32).fill(fill)) as [Uint8Array, Uint8Array]
  const url = 'https://a.example/'
  const senders: WebhookSender[] = []
  afterEach(async () => {
    for (const sender of senders.splice(0)) await sender.stop({ graceMs: 0 })
  })

  function senderWith(secretsKey: SecretsKey): WebhookSender {
    const transport = scriptedTransport(systemClock())
    const sender = createWebhookSender({
      storage: storage(),
      transport,
      secretsKey,
      // Many more attempts than one endpoint gets by itself are under way at once.
      concurrency: { total: 500 },
      runtime: { resolve: fakeResolver() },
    })
    senders.push(sender)
    return sender
  }

  it('20 rotations at once by two senders: each answer is in force or one clear error, and none is lost', async () => {
    const both = [senderWith(OLD), senderWith(OLD)] as const
    const { id, secret } = await both[0].endpoints.create({ tenant: 'rotated', url })
    const rotations = Array.from({ length: 20 }, (_, index) => both[index % 2 === 0 ? 0 : 1].endpoints.rotateSecret(id))
    const answers = await Promise.allSettled(rotations)
    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.secret] : []))
    for (const answer of answers) {
      if (answer.status === 'rejected') expect(['endpoint_state_invalid', 'busy']).toContain(answer.reason.code)
    }
    expect(given.length).toBeGreaterThan(0)
    const { secrets } = await both[1].endpoints.revealSecrets(id)
    expect(secrets.map(({ secret }) => secret).sort()).toEqual([secret, ...given].sort())
  })

  describe('sealing anew', () => {
    it('of 120 endpoints of one tenant, by two senders, lets the sends to that tenant through', async () => {
      const before = senderWith(OLD)
      const tenant = 'resealed'
      const created = Array.from({ length: 120 }, () =>
        before.endpoints.create({ tenant, url, eventTypes: ['b'], signing: ['standard-webhooks'] }),
      )
      const secrets = new Map((await Promise.all(created)).map(({ id, secret }) => [id, secret]))
      const both = [senderWith([NEW, OLD]), senderWith([NEW, OLD])] as const
      let resealing = true
      const sent: number[] = []
      const sends = (async () => {
        while (resealing) {
          const began = performance.now()
          await before.send({ tenant, type: 'a', data: 1 })
          sent.push(performance.now() - began)
        }
      })()
      const results = await Promise.all(both.map((sender) => sender.resealSecrets()))
      resealing = false
      await sends
      expect(results.reduce((sum, { resealed }) => sum + resealed, 0)).toBeGreaterThanOrEqual(120)
      expect(sent.length).toBeGreaterThan(20)
      // Short of the 10 s after which a send would be refused.
      expect(Math.max(...sent)).toBeLessThan(8_000)
      const after = senderWith(NEW)
      for (const [id, secret] of secrets) {
        const { secrets } = await after.endpoints.revealSecrets(id)
        expect(secrets.map(({ secret }) => secret)).toEqual([secret])
      }
    }, 60_000)
  })
}
