import { expect } from 'vitest'
import { quiet, rig, URL_OK } from '../engine/rig.ts'
import { attempts, type Cases, DAY, event, given, HOUR, MINUTE, proven, requestTimes, SECOND } from './harness.ts'

/** Options that say when and how attempts are made. */
export const DELIVERING: Cases = {
  async 'retry.delaysMs'() {
    expect(await requestTimes(await failing({ retry: { delaysMs: [SECOND, 2 * SECOND] } }), DAY)).toEqual([
      0,
      SECOND,
      3 * SECOND,
    ])
    expect(await requestTimes(await failing({ retry: { delaysMs: [] } }), DAY)).toEqual([0])
  },

  async 'retry.jitter'() {
    const [, none = 0] = await requestTimes(await failing({ retry: { delaysMs: [HOUR], jitter: 0 } }), DAY)
    expect(none).toBe(HOUR)
    const delaysMs = Array.from({ length: 20 }, () => HOUR)
    const times = await requestTimes(await failing({ retry: { delaysMs, jitter: 0.5 } }), 3 * DAY)
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
    expect(gaps).toHaveLength(20)
    for (const gap of gaps) expect(Math.abs(gap - HOUR)).toBeLessThanOrEqual(HOUR / 2)
    expect(Math.min(...gaps)).toBeLessThan(0.8 * HOUR)
    expect(Math.max(...gaps)).toBeGreaterThan(1.2 * HOUR)
  },

  async 'retry.retryAfterMaxMs'() {
    for (const [retryAfterMaxMs, expected] of [
      [2 * HOUR, HOUR],
      [MINUTE, MINUTE],
      [0, SECOND],
    ] as const) {
      const made = await failing({ retry: { delaysMs: [SECOND], retryAfterMaxMs } })
      made.transport.reply({ status: 500, headers: { 'retry-after': '3600' } })
      expect(await requestTimes(made, DAY)).toEqual([0, expected])
    }
  },

  async 'retry.decide'() {
    const asked: unknown[] = []
    const made = await failing({
      retry: {
        delaysMs: [HOUR, HOUR, HOUR],
        decide: ({ number, status }, { step }) => {
          asked.push([number, status, step])
          return ([{ delayMs: 7 }, 'default', 'fail'] as const)[number - 1] ?? 'default'
        },
      },
    })
    expect(await requestTimes(made, DAY)).toEqual([0, 7, 7 + HOUR])
    expect(asked).toEqual([1, 2, 3].map((number) => [number, 500, number - 1]))
    expect((await made.sender.deliveries.list()).items).toMatchObject([{ state: 'failed', reason: 'retry_refused' }])
  },

  async 'concurrency.total'() {
    expect(await underWay({ concurrency: { total: 3 } })).toBe(3)
    expect(await underWay({ concurrency: { total: 7 } })).toBe(7)
  },

  async 'concurrency.perEndpoint'() {
    expect(await underWay({ concurrency: { perEndpoint: 1 } })).toBe(4)
    expect(await underWay({ concurrency: { perEndpoint: 2 } })).toBe(8)
  },

  async 'attempt.deadlineMs'() {
    const made = await given({ attempt: { deadlineMs: 2 * SECOND }, retry: { delaysMs: [] } })
    made.transport.reply('hang')
    await requestTimes(made, DAY)
    expect(await attempts(made)).toMatchObject([{ outcome: 'timed_out', durationMs: 2 * SECOND }])
  },

  async 'attempt.connectMs'() {
    expect((await handed({ attempt: { connectMs: 321 } })).connectMs).toBe(321)
    // Never longer than the deadline.
    expect((await handed({ attempt: { connectMs: 30 * SECOND, deadlineMs: SECOND } })).connectMs).toBe(SECOND)
  },

  async 'attempt.responseBodyMaxBytes'() {
    const kept = async (status: number) => {
      const made = await given({ attempt: { responseBodyMaxBytes: 2_000 }, retry: { delaysMs: [] } })
      made.transport.reply({ status, body: 'x'.repeat(5_000) })
      await requestTimes(made, DAY)
      return (await attempts(made))[0]?.responseBody?.byteLength
    }
    expect(await kept(500)).toBe(2_000)
    expect(await kept(200)).toBe(1_024)
  },

  async 'lease.marginMs'() {
    const made = await given({ attempt: { deadlineMs: SECOND }, lease: { marginMs: 700 } })
    // Its result does not get through: whoever looks finds the lease over.
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    made.storage.tamper('settle', (call) => held.then(() => call()))
    const { clock, sender, storage } = made
    const leasedAt = clock.now()
    await sender.send(event)
    const drained = sender.drain()
    await quiet()
    expect((await storage.nextDueAt()) ?? 0).toBe(leasedAt + SECOND + 700)
    go()
    await drained
  },

  async pollMs() {
    for (const pollMs of [500, 5 * SECOND]) {
      const made = await given()
      const worker = rig({ storage: made.storage, pollMs, runtime: { clock: made.clock } })
      await worker.sender.start()
      await quiet()
      await made.sender.send(event)
      made.clock.advanceBy(pollMs - 1)
      await quiet()
      expect(worker.requests).toHaveLength(0)
      made.clock.advanceBy(1)
      await quiet()
      expect(worker.requests).toHaveLength(1)
    }
  },
}

async function failing(options: Parameters<typeof given>[0]) {
  const made = await given(options)
  made.transport.reply(500)
  return made
}

/** Attempts under way of three events for each of four endpoints that do not answer. */
async function underWay(options: Parameters<typeof given>[0]): Promise<number> {
  const made = await given(options)
  for (let more = 0; more < 3; more++) await made.sender.endpoints.create({ url: URL_OK })
  await proven(made)
  made.transport.reply('hang')
  for (let sent = 0; sent < 3; sent++) await made.sender.send(event)
  await quiet()
  return (await made.sender.health()).inFlight
}

/** What the transport is handed for a request. */
async function handed(options: Parameters<typeof given>[0]) {
  const handed: { connectMs: number }[] = []
  const { transport } = rig()
  const made = await given({
    ...options,
    transport: {
      name: 'noting',
      send: (request) => {
        handed.push(request)
        return transport.send(request)
      },
      close: async () => {},
    },
  })
  await made.sender.send(event)
  await made.sender.drain()
  return handed[0] ?? { connectMs: 0 }
}
