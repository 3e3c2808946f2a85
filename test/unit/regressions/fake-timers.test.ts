import { createTestSender } from 'hookferry/testing'
import { afterEach, expect, it, vi } from 'vitest'

afterEach(() => {
  vi.useRealTimers()
})

it('fake timers of a test runner do not stop a sender', async () => {
  vi.useFakeTimers()
  const { sender, requests } = createTestSender()
  await sender.endpoints.create({ url: 'https://customer.example/' })
  await sender.send({ type: 'invoice.paid', data: 1 })
  await sender.drain()
  expect(requests).toHaveLength(1)
  await sender.stop()
})
