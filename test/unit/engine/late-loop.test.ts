import { createWebhookSender } from 'hookferry'
import { memory } from 'hookferry/memory'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Clock } from '../../../src/ports/clock.ts'
import { fakeResolver } from '../../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../../src/testing/scripted-transport.ts'

/** Rate limits hold within 5 % on a loop that comes late, in virtual time: Bottleneck's own timers are virtual, too. */

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A clock whose timers fire late by what the loop was held up. */
function lateClock() {
  let late = 0
  const now = () => Date.now() + late
  const start = now()
  const clock: Clock = {
    now,
    monotonic: () => now() - start,
    after(ms, fn) {
      const handle = setTimeout(fn, ms)
      return { cancel: () => clearTimeout(handle) }
    },
  }
  return { clock, holdUp: (ms: number) => (late += ms) }
}

it.each([
  { limit: 1, perMs: 60_000, seconds: 1_800, heldUpMs: 20 },
  { limit: 20, perMs: 1_000, seconds: 20, heldUpMs: 20 },
  { limit: 200, perMs: 1_000, seconds: 8, heldUpMs: 20 },
  { limit: 2_000, perMs: 1_000, seconds: 3, heldUpMs: 0 },
  { limit: 2_000, perMs: 1_000, seconds: 3, heldUpMs: 6 },
  { limit: 2_000, perMs: 1_000, seconds: 3, heldUpMs: 40 },
])(
  '$limit in $perMs ms, held up for $heldUpMs ms in each look for work',
  async ({ limit, perMs, seconds, heldUpMs }) => {
    const { clock, holdUp } = lateClock()
    const transport = scriptedTransport(clock)
    const storage = memory()
    const nextDueAt = storage.nextDueAt.bind(storage)
    // Between the claim and the question when to come again: what falls due meanwhile is not to wait for the next poll.
    storage.nextDueAt = () => {
      holdUp(heldUpMs)
      return nextDueAt()
    }
    const sender = createWebhookSender({
      storage,
      transport,
      runtime: { clock, resolve: fakeResolver() },
      concurrency: { total: 1_000, perEndpoint: 1_000 },
    })
    const step = () => vi.advanceTimersByTimeAsync(1)
    const virtually = async <T>(work: Promise<T>): Promise<T> => {
      let done = false
      const end = () => {
        done = true
      }
      work.then(end, end)
      while (!done) await step()
      return work
    }
    await virtually(sender.endpoints.create({ url: 'https://example.com/', rateLimit: { limit, perMs } }))
    const backlog = Math.ceil((limit * (seconds + 1) * 1_000) / perMs) + 1
    await virtually(
      Promise.all(Array.from({ length: backlog }, (_, index) => sender.send({ type: 'tick', data: index }))),
    )
    await virtually(sender.start())
    // An endpoint begins with one slot, and has all of them after a few looks.
    const begun = clock.monotonic()
    while (clock.monotonic() < begun + 500) await step()
    const from = clock.monotonic()
    const before = transport.requests.length
    while (clock.monotonic() < from + seconds * 1_000) await vi.advanceTimersByTimeAsync(perMs > 1_000 ? 1_000 : 1)
    const made = transport.requests.length - before
    await virtually(sender.stop())
    const expected = ((clock.monotonic() - from) / perMs) * limit
    expect(made).toBeGreaterThanOrEqual(Math.floor(expected * 0.95))
    expect(made).toBeLessThanOrEqual(Math.ceil(expected * 1.05) + 1)
  },
  60_000,
)
