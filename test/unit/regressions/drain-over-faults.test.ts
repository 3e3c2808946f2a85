import { afterEach, expect, it } from 'vitest'
import { WebhookError } from '../../../src/errors.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { createTestSender } from '../../../src/testing/test-sender.ts'

const open: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const sender of open.splice(0)) await sender.stop()
})

it('a drain in virtual time waits out a storage that is busy, wherever it is asked', async () => {
  const asked = new Map<string | symbol, number>()
  const storage = new Proxy(memory(), {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function' || name === 'open' || name === 'close') return value
      return (...args: unknown[]) => {
        const times = (asked.get(name) ?? 0) + 1
        asked.set(name, times)
        if (times <= 3) return Promise.reject(new WebhookError('storage_busy', 'busy', { retryable: true }))
        return value.apply(target, args)
      }
    },
  })
  const { sender, requests, clock } = createTestSender({ storage })
  open.push(sender)
  const moving = setInterval(() => clock.advanceBy(50), 1)
  await sender.endpoints.create({ url: 'https://example.com/' })
  await sender.send({ type: 'a', data: 1 })
  clearInterval(moving)
  await sender.drain()
  expect(requests).toHaveLength(1)
})
