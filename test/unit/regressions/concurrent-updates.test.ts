import { afterEach, expect, it } from 'vitest'
import { createTestSender } from '../../../src/testing/test-sender.ts'

const open: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const sender of open.splice(0)) await sender.stop()
})

it('two updates at once of different overrides keep both', async () => {
  const { sender } = createTestSender()
  open.push(sender)
  const { id } = await sender.endpoints.create({ url: 'https://example.com/' })
  await Promise.all([
    sender.endpoints.update(id, { concurrency: 3 }),
    sender.endpoints.update(id, { retry: { jitter: 0 } }),
    sender.endpoints.update(id, { rateLimit: { limit: 5, perMs: 1_000 } }),
  ])
  const expected = { concurrency: 3, retry: { jitter: 0 }, rateLimit: { limit: 5, perMs: 1_000 } }
  expect(await sender.endpoints.get(id)).toMatchObject(expected)
})

it('the values of an endpoint’s own headers are sent and not kept', async () => {
  const { sender, requests } = createTestSender()
  open.push(sender)
  await sender.endpoints.create({ url: 'https://example.com/', headers: { Authorization: 'Bearer canary' } })
  await sender.send({ type: 'a', data: 1 })
  await sender.drain()
  expect(requests[0]?.headers.authorization).toBe('Bearer canary')
  const [delivery] = (await sender.deliveries.list()).items
  const { items } = await sender.deliveries.attempts(delivery?.id ?? '')
  expect(items[0]?.requestHeaders).toMatchObject({ authorization: '***' })
  expect(JSON.stringify(items)).not.toContain('canary')
})
