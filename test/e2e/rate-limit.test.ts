import { createWebhookSender } from 'hookferry'
import { memory } from 'hookferry/memory'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { fakeResolver } from '../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../src/testing/scripted-transport.ts'
import { createTestSender } from '../../src/testing/test-sender.ts'

/**
 * Rate limits from 1 a minute to 2,000 a second. That they hold within 5 %, on a loop that comes late, too, is judged in virtual time, by
 * test/unit/engine/late-loop.test.ts; here, in real time, a machine that is held up costs permits, and timers that are too coarse for a
 * rate would cost half of them.
 */

const open: { stop(): Promise<void> }[] = []
afterEach(async () => {
  for (const sender of open.splice(0)) await sender.stop()
})

describe('rate limit', () => {
  it.each([20, 200, 2_000])('lets %i attempts a second through under a standing backlog', async (limit) => {
    const clock = systemClock()
    const transport = scriptedTransport(clock)
    const sender = createWebhookSender({
      storage: memory(),
      transport,
      runtime: { resolve: fakeResolver() },
      concurrency: { total: 1_000, perEndpoint: 1_000 },
    })
    open.push(sender)
    await sender.endpoints.create({ url: 'https://example.com/', rateLimit: { limit, perMs: 1_000 } })
    // So long, where the backlog stays small, that a single hold-up of the machine is no five percent of it.
    const seconds = limit > 200 ? 3 : 8
    await Promise.all(
      Array.from({ length: limit * (seconds + 1) }, (_, index) => sender.send({ type: 'tick', data: index })),
    )
    await sender.start()
    await expect
      .poll(() => transport.requests.length, { timeout: 20_000, interval: 5 })
      .toBeGreaterThanOrEqual(limit * seconds)
    // From the end of the first tenth on, so that the permits saved up at the start do not count.
    const times = transport.requests.map((request) => request.at)
    const from = (times[0] ?? 0) + 100
    const counted = times.filter((at) => at >= from && at < from + (seconds - 0.5) * 1_000).length
    const expected = limit * (seconds - 0.5)
    expect(counted / expected).toBeGreaterThan(0.75)
    expect(counted / expected).toBeLessThan(1.25)
  })

  it('lets one attempt a minute through, in virtual time', async () => {
    const { sender, clock, transport } = createTestSender()
    open.push(sender)
    await sender.endpoints.create({ url: 'https://example.com/', rateLimit: { limit: 1, perMs: 60_000 } })
    for (let index = 0; index < 61; index++) await sender.send({ type: 'tick', data: index })
    await sender.drain({ until: new Date(clock.now() + 2 * 3_600_000) })
    const times = transport.requests.map((request) => request.at)
    expect(times).toHaveLength(61)
    const minutes = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 60_000
    expect(minutes).toBeGreaterThanOrEqual(60)
    expect(minutes).toBeLessThan(60 * 1.05)
  })
})
