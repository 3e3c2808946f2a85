import { createWebhookSender } from 'hookferry'
import { memory } from 'hookferry/memory'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Clock } from '../../../src/ports/clock.ts'
import { fakeResolver } from '../../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../../src/testing/scripted-transport.ts'

/**
 * Bad weather stays local, in virtual time: fifty of 1,000 endpoints hang to their deadline, a fifth of the events go to them, and
 * the others' latency is what it is without them. So it is at a cold start, where deliveries for the fifty are pending and nobody
 * knows yet that they hang.
 */
const ENDPOINTS = 1_000
const HANGING = 50
const HANGING_SHARE = 5
const STEP_MS = 10
const EVENTS_A_STEP = 3
const STEPS = 600
const ANSWER_MS = 5
/** For each of the fifty, at a cold start: with its share of the slots it would take all of them, and more. */
const PENDING_EACH = 20

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

function virtualClock(): Clock {
  const start = Date.now()
  return {
    now: () => Date.now(),
    monotonic: () => Date.now() - start,
    after(ms, fn) {
      const handle = setTimeout(fn, ms)
      return { cancel: () => clearTimeout(handle) }
    },
  }
}

async function virtually<T>(work: Promise<T>): Promise<T> {
  let done = false
  const end = () => {
    done = true
  }
  work.then(end, end)
  while (!done) await vi.advanceTimersByTimeAsync(1)
  return work
}

/** The others' latencies in milliseconds, ascending, and how many requests hung. */
async function latencies(weather: 'calm' | 'storm', pendingEach = 0) {
  const clock = virtualClock()
  let hung = 0
  const transport = scriptedTransport(clock, ({ url }) => {
    if (weather === 'calm' || !url.includes('/hang/')) return { status: 200, delayMs: ANSWER_MS }
    hung += 1
    return 'hang'
  })
  const sender = createWebhookSender({
    storage: memory(),
    transport,
    runtime: { clock, resolve: fakeResolver() },
    attempt: { deadlineMs: 2_000 },
    concurrency: { total: 60 },
    retry: { delaysMs: [500, 500, 500, 500, 500, 500] },
  })
  for (let index = 0; index < ENDPOINTS; index++) {
    const path = index < HANGING ? 'hang' : 'fine'
    const url = `https://example.com/${path}/${index}`
    await virtually(sender.endpoints.create({ url, eventTypes: [`to.e${index}`] }))
  }
  const hanging = Array.from({ length: HANGING * pendingEach }, (_, index) => index % HANGING)
  await virtually(Promise.all(hanging.map((to) => sender.send({ type: `to.e${to}`, data: { to } }))))
  await virtually(sender.start())
  const sentAt = new Map<string, number>()
  const found: number[] = []
  sender.on('delivery.delivered', ({ eventId }) => {
    const at = sentAt.get(eventId)
    if (at !== undefined) found.push(clock.monotonic() - at)
    sentAt.delete(eventId)
  })
  let next = 0
  for (let step = 0; step < STEPS; step++) {
    for (let event = 0; event < EVENTS_A_STEP; event++) {
      next += 1
      const toHanging = next % HANGING_SHARE === 0
      const to = toHanging ? (next / HANGING_SHARE) % HANGING : HANGING + (next % (ENDPOINTS - HANGING))
      const id = `evt_${next}`
      if (!toHanging) sentAt.set(id, clock.monotonic())
      sender.send({ id, type: `to.e${to}`, data: { to } }).catch(() => sentAt.delete(id))
    }
    await vi.advanceTimersByTimeAsync(STEP_MS)
  }
  for (let waited = 0; sentAt.size > 0 && waited < 60_000; waited += STEP_MS) await vi.advanceTimersByTimeAsync(STEP_MS)
  await virtually(sender.stop({ graceMs: 0 }))
  return { found: found.sort((a, b) => a - b), hung }
}

it.each([
  { start: 'with nothing pending', pendingEach: 0 },
  { start: 'with deliveries pending for them', pendingEach: PENDING_EACH },
])(
  'fifty hanging endpoints of a thousand do not delay the others, from a start $start',
  async ({ pendingEach }) => {
    const calm = await latencies('calm')
    const storm = await latencies('storm', pendingEach)
    const at = (values: number[], share: number) => values[Math.ceil(values.length * share) - 1] ?? Number.NaN
    expect(storm.hung).toBeGreaterThan(HANGING)
    expect(calm.found).toHaveLength((STEPS * EVENTS_A_STEP * (HANGING_SHARE - 1)) / HANGING_SHARE)
    expect(storm.found).toHaveLength(calm.found.length)
    for (const share of [0.5, 0.99, 1]) expect(at(storm.found, share)).toBeLessThanOrEqual(1.5 * at(calm.found, share))
  },
  60_000,
)
