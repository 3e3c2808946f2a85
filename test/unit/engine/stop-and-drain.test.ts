import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from './rig.ts'

afterEach(stopAll)

const event = { type: 'a', data: 1 }
const DAY = 86_400_000

async function withEndpoint(options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const made = rig(options)
  await made.sender.endpoints.create({ url: URL_OK })
  return made
}

const pending = async ({ storage }: Rig) => {
  const page = { limit: 100, examine: 100, after: null }
  return (await storage.listDeliveries({ selection: {}, ...page })).items
}

describe('stop', () => {
  it('waits for what is in flight and settles it, and begins nothing more', async () => {
    const made = await withEndpoint({ concurrency: { perEndpoint: 1 } })
    made.transport.reply({ status: 200, delayMs: 5_000 })
    await made.sender.start()
    await made.sender.send(event)
    await made.sender.send(event)
    await quiet()
    const began = made.clock.monotonic()
    await through(made.clock, made.sender.stop())
    expect(made.clock.monotonic() - began).toBe(5_000)
    expect(made.requests).toHaveLength(1)
    expect((await pending(made)).map(({ state }) => state).sort()).toEqual(['delivered', 'pending'])
    expect(made.storage.calls.get('close')).toBe(1)
    expect(made.clock.nextTimerAt()).toBeNull()
  })

  it('aborts what outlasts the grace, which costs the delivery no step', async () => {
    const made = await withEndpoint()
    made.transport.reply('hang')
    await made.sender.start()
    await made.sender.send(event)
    await quiet()
    const began = made.clock.monotonic()
    await through(made.clock, made.sender.stop({ graceMs: 2_000 }))
    expect(made.clock.monotonic() - began).toBe(2_000)
    const [delivery] = await pending(made)
    expect(delivery).toMatchObject({ state: 'pending', attemptCount: 1, nextAttemptAt: made.clock.now() })
    const attempts = await made.storage.listAttempts({
      deliveryId: delivery?.id ?? '',
      limit: 9,
      examine: 9,
      after: null,
    })
    expect(attempts.items).toMatchObject([{ outcome: 'aborted' }])
  })

  it('goes on accepting until the grace ends, and says stopped afterwards', async () => {
    const made = await withEndpoint()
    made.transport.reply({ status: 200, delayMs: 3_000 })
    await made.sender.start()
    await made.sender.send(event)
    await quiet()
    const stopping = made.sender.stop()
    await quiet()
    expect(await made.sender.send(event)).toMatchObject({ deliveries: 1 })
    await through(made.clock, stopping)
    await expect(made.sender.send(event)).rejects.toMatchObject({ code: 'stopped' })
    expect((await pending(made)).map(({ state }) => state).sort()).toEqual(['delivered', 'pending'])
  })

  it('lets a call that is under way come to its end before it closes', async () => {
    const made = await withEndpoint()
    let accept: () => void = () => {}
    made.storage.tamper('insertEvents', async (call) => {
      await new Promise<void>((resolve) => (accept = resolve))
      return call()
    })
    const sending = made.sender.send(event)
    await quiet()
    const stopping = made.sender.stop()
    await quiet()
    expect(made.storage.calls.get('close') ?? 0).toBe(0)
    accept()
    expect(await sending).toMatchObject({ duplicate: false })
    await stopping
    expect(made.storage.calls.get('close')).toBe(1)
  })

  it('ends a drain that waits, in virtual and in real time, and leaves the rest for later', async () => {
    for (const clock of [undefined, systemClock()]) {
      const made = rig(clock === undefined ? {} : { runtime: { clock } })
      await made.sender.endpoints.create({ url: URL_OK })
      await made.sender.send({ ...event, deliverAt: new Date(Date.UTC(2090, 0, 1)) })
      made.transport.reply('hang')
      await made.sender.send(event)
      const draining = made.sender.drain({ until: new Date(Date.UTC(2089, 0, 1)) })
      await quiet(3)
      const stopping = made.sender.stop({ graceMs: 0 })
      await (clock === undefined ? through(made.clock, stopping) : stopping)
      await draining
      expect((await pending(made)).map(({ state }) => state)).toEqual(['pending', 'pending'])
    }
  })

  it('wakes a drain that sleeps until its next moment', async () => {
    const made = rig({ runtime: { clock: systemClock() } })
    await made.sender.endpoints.create({ url: URL_OK })
    const inAnHour = new Date(Date.now() + 3_600_000)
    await made.sender.send({ ...event, deliverAt: inAnHour })
    const draining = made.sender.drain({ until: new Date(Date.now() + DAY) })
    await quiet()
    await made.sender.stop()
    expect(await draining).toEqual({ attempts: 0, nextDueAt: inAnHour })
  })

  it('gives back leases that were not begun: nothing is left leased', async () => {
    const made = await withEndpoint()
    for (let index = 0; index < 5; index++) await made.sender.send(event)
    made.storage.tamper('claimDue', async (call) => {
      const claimed = await call()
      void made.sender.stop({ graceMs: 0 })
      await quiet(3)
      return claimed
    })
    await made.sender.start()
    await quiet()
    await through(made.clock, made.sender.stop({ graceMs: 0 }))
    expect(made.requests).toHaveLength(0)
    expect((await pending(made)).map(({ state, attemptCount }) => [state, attemptCount])).toEqual(
      Array(5).fill(['pending', 0]),
    )
  })

  it('is what await using does', async () => {
    const made = await withEndpoint()
    await made.sender[Symbol.asyncDispose]()
    await expect(made.sender.health()).rejects.toMatchObject({ code: 'stopped' })
  })
})

describe('drain', () => {
  it('runs the whole schedule of 76 hours, moving the clock on', async () => {
    const made = await withEndpoint()
    made.transport.reply(500)
    await made.sender.send(event)
    const began = made.clock.now()
    const result = await made.sender.drain({ until: new Date(began + 5 * DAY) })
    expect(result).toEqual({ attempts: 10, nextDueAt: null })
    const hours = ((made.requests.at(-1)?.at ?? 0) - began) / 3_600_000
    expect(hours).toBeGreaterThan(60)
    expect(hours).toBeLessThan(92)
    expect((await pending(made))[0]).toMatchObject({ state: 'failed', reason: 'attempts_exhausted' })
  })

  it('delivers what is due now, and says when the next is', async () => {
    const made = await withEndpoint({ retry: { delaysMs: [60_000], jitter: 0 } })
    made.transport.reply(500)
    await made.sender.send(event)
    expect(await made.sender.drain()).toEqual({ attempts: 1, nextDueAt: new Date(made.clock.now() + 60_000) })
    expect(await made.sender.drain()).toMatchObject({ attempts: 0 })
  })

  it('stops at its limit and at its budget', async () => {
    const made = await withEndpoint({ concurrency: { total: 2, perEndpoint: 2 } })
    made.transport.reply({ status: 200, delayMs: 1_000 })
    for (let index = 0; index < 20; index++) await made.sender.send(event)
    const limited = await made.sender.drain({ limit: 5 })
    expect(limited.attempts).toBeGreaterThanOrEqual(5)
    expect(limited.attempts).toBeLessThanOrEqual(6)
    const before = made.clock.monotonic()
    const budgeted = await made.sender.drain({ budgetMs: 2_500 })
    expect(budgeted.attempts).toBe(6)
    expect(made.clock.monotonic() - before).toBe(3_000)
  })

  it('does not wait beyond its budget for what falls due later', async () => {
    const made = await withEndpoint()
    const later = new Date(made.clock.now() + 3_600_000)
    await made.sender.send({ ...event, deliverAt: later })
    const result = await made.sender.drain({ until: new Date(made.clock.now() + DAY), budgetMs: 60_000 })
    expect(result).toEqual({ attempts: 0, nextDueAt: later })
    expect(made.requests).toHaveLength(0)
  })

  it('is for a sender that was not started, once at a time', async () => {
    const made = await withEndpoint()
    await made.sender.send({ ...event, deliverAt: new Date(made.clock.now() + 1_000) })
    made.transport.reply({ status: 200, delayMs: 1_000 })
    const first = made.sender.drain({ until: new Date(made.clock.now() + 10_000) })
    await expect(made.sender.drain()).rejects.toMatchObject({ code: 'already_started' })
    await first
    expect(await made.sender.drain()).toEqual({ attempts: 0, nextDueAt: null })
    await made.sender.start()
    await expect(made.sender.drain()).rejects.toMatchObject({ code: 'already_started' })
  })
})

describe('health', () => {
  it('tells what lags, waits, is held and is in flight', async () => {
    const made = rig({ concurrency: { total: 1, perEndpoint: 1 } })
    expect(await made.sender.health()).toEqual({
      oldestDueAt: null,
      pending: 0,
      held: 0,
      inFlight: 0,
      storage: { name: 'memory', version: 1, bytes: 0 },
    })
    const { id } = await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['held'] })
    await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['a'] })
    await made.sender.endpoints.pause(id)
    const due = made.clock.now()
    for (const type of ['held', 'a', 'a']) await made.sender.send({ ...event, type })
    await made.sender.send({ ...event, deliverAt: new Date(due + DAY) })
    made.clock.advanceBy(500)
    expect(await made.sender.health()).toMatchObject({ oldestDueAt: new Date(due), pending: 4, held: 1, inFlight: 0 })
    made.transport.reply('hang')
    await made.sender.start()
    await quiet()
    const health = await made.sender.health()
    expect(health).toMatchObject({ pending: 3, held: 1, inFlight: 1 })
    expect(health.storage.bytes).toBeGreaterThan(0)
  })
})

describe('start', () => {
  it('delivers by itself, on time, and a second start changes nothing', async () => {
    const made = await withEndpoint({ retry: { delaysMs: [10_000], jitter: 0 } })
    made.transport.reply((_, index) => (index === 0 ? 503 : 200))
    await made.sender.start()
    await made.sender.start()
    await made.sender.send(event)
    await quiet()
    expect(made.requests).toHaveLength(1)
    for (let passed = 0; passed < 10_000; passed += 500) {
      made.clock.advanceBy(500)
      await quiet(20)
    }
    await quiet()
    expect(made.requests.map(({ at }) => at - (made.requests[0]?.at ?? 0))).toEqual([0, 10_000])
  })

  it('does not spin: an idle sender asks storage at its poll and no more', async () => {
    const made = await withEndpoint()
    await made.sender.start()
    await quiet()
    made.storage.calls.clear()
    for (let seconds = 0; seconds < 20; seconds++) {
      made.clock.advanceBy(1_000)
      await quiet(20)
    }
    expect(made.storage.calls.get('dueLanes')).toBeLessThanOrEqual(21)
  })

  it('survives a storage that fails in every way for a while', async () => {
    const made = await withEndpoint()
    await made.sender.start()
    await quiet()
    for (const method of ['dueLanes', 'nextDueAt', 'expiredLeases', 'pendingFanOuts', 'runningReplays'] as const) {
      made.storage.tamper(method, async () => {
        throw new Error('down')
      })
    }
    for (let seconds = 0; seconds < 5; seconds++) {
      made.clock.advanceBy(1_000)
      await quiet(20)
    }
    expect(made.errors.length).toBeGreaterThan(0)
    expect(made.errors.length).toBeLessThan(40)
    made.storage.heal()
    await made.sender.send({ ...event, deliverAt: new Date(made.clock.now() + 100) })
    for (let seconds = 0; seconds < 5; seconds++) {
      made.clock.advanceBy(1_000)
      await quiet(20)
    }
    expect(made.requests).toHaveLength(1)
  })
})
