import type { SigningScheme } from 'hookferry'
import { createTestSender } from 'hookferry/testing'
import { describe, expect, it } from 'vitest'

const url = 'https://customer.example/webhooks'

/** What a host's own scheme may return by mistake. */
const MISTAKES: [string, () => unknown][] = [
  ['a promise', async () => ({ 'x-proof': 'a' })],
  ['a promise that rejects', () => Promise.reject(new Error('no key'))],
  ['no header', () => ({})],
  ['nothing', () => undefined],
  ['a header that it has not declared', () => ({ 'x-proof': 'a', 'x-more': 'b' })],
  ['only some of what it has declared', () => ({ 'x-more': 'b' })],
  ['an empty header', () => ({ 'x-proof': '' })],
  ['a header that is no string', () => ({ 'x-proof': 7 })],
]

describe('a scheme that does not sign', () => {
  it.each(MISTAKES)('is noticed when an endpoint gets its secret: %s', async (_, sign) => {
    const scheme = { name: 'own', headers: ['X-Proof'], sign } as unknown as SigningScheme
    const { sender } = createTestSender({ signing: [scheme] })
    await expect(sender.endpoints.create({ url })).rejects.toThrow(/own/)
    await sender.stop()
  })

  it.each(MISTAKES)('lets no request out unsigned: %s', async (_, sign) => {
    let mistaken = false
    const scheme = {
      name: 'own',
      headers: ['X-Proof'],
      sign: () => (mistaken ? sign() : { 'X-Proof': 'right' }),
    } as unknown as SigningScheme
    const { sender, requests } = createTestSender({ signing: [scheme] })
    const errors: unknown[] = []
    sender.on('error', ({ error }) => errors.push(error))
    await sender.endpoints.create({ url })
    mistaken = true
    await sender.send({ type: 'invoice.paid', data: {} })
    await sender.drain()
    expect(requests).toEqual([])
    const [delivery] = (await sender.deliveries.list()).items
    const [attempt] = (await sender.deliveries.attempts(delivery?.id ?? '')).items
    expect(attempt).toMatchObject({
      outcome: 'blocked',
      error: { message: expect.stringMatching(/^not signed: .*own/) },
    })
    expect(errors).toHaveLength(1)

    mistaken = false
    await sender.drain({ until: new Date(Date.UTC(2026, 0, 2)) })
    expect(requests[0]?.headers).toMatchObject({ 'x-proof': 'right' })
    await sender.stop()
  })
})
