import { afterEach, describe, expect, it } from 'vitest'
import type { Settlement } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { quiet, type Rig, rig, stopAll, URL_OK } from './rig.ts'

afterEach(stopAll)

const DAY = 86_400_000
const event = { type: 'a', data: 1 }

const deliveries = async ({ sender }: Rig) => (await sender.deliveries.list()).items

describe('lost attempts', () => {
  /** A sender that dies in the middle of its attempt: what it began is never settled. */
  async function dies(storage: ReturnType<typeof memory>, seed: number, at: number): Promise<Rig> {
    const made = rig({ storage, runtime: { random: seededRandom(seed) } })
    made.clock.advanceTo(at)
    made.storage.tamper('settle', async (call, input) => {
      // It still writes down what an earlier life lost.
      if ((input as { settlements: Settlement[] }).settlements.some(({ attempt }) => attempt.outcome === 'lost'))
        return call()
      throw new Error('killed')
    })
    await made.sender.drain()
    return made
  }

  it('are recorded as such and repeated; three in a row fail the delivery', async () => {
    const storage = memory()
    const first = rig({ storage })
    const { id } = await first.sender.endpoints.create({ url: URL_OK })
    await first.sender.send(event)
    let now = first.clock.now()
    for (let life = 1; life <= 3; life++) {
      const made = await dies(storage, life + 1, now)
      expect(made.requests).toHaveLength(1)
      // The attempt's 15 s and the margin of 15 s.
      now += 29_999
      made.clock.advanceTo(now)
      made.storage.heal()
      await made.sender.drain()
      expect(made.requests).toHaveLength(1)
      now += 2
    }
    const last = rig({ storage, runtime: { random: seededRandom(9) } })
    const failed: unknown[] = []
    last.sender.on('delivery.failed', (news) => failed.push(news.reason))
    last.clock.advanceTo(now)
    await last.sender.drain()
    const [delivery] = await deliveries(last)
    expect(delivery).toMatchObject({ state: 'failed', reason: 'lost_repeatedly', attemptCount: 3 })
    expect(failed).toEqual(['lost_repeatedly'])
    const { items } = await last.sender.deliveries.attempts(delivery?.id ?? '')
    expect(items.map(({ number, outcome, url }) => ({ number, outcome, url }))).toEqual(
      [1, 2, 3].map((number) => ({ number, outcome: 'lost', url: URL_OK })),
    )
    // Nothing of it is the endpoint's fault.
    expect(await last.sender.endpoints.get(id)).toMatchObject({ state: 'active', health: { failures: 0 } })
    expect(last.requests).toHaveLength(0)
  })

  it('keep their place in the schedule, and one that ends breaks the row', async () => {
    const storage = memory()
    const first = rig({ storage, retry: { delaysMs: [60_000], jitter: 0 } })
    await first.sender.endpoints.create({ url: URL_OK })
    await first.sender.send(event)
    let now = first.clock.now()
    for (let life = 1; life <= 2; life++) {
      await dies(storage, life + 1, now)
      now += 31_000
    }
    first.clock.advanceTo(now)
    first.transport.reply(500)
    await first.sender.drain()
    const [delivery] = await deliveries(first)
    expect(delivery).toMatchObject({ state: 'pending', attemptCount: 3 })
    expect(delivery?.nextAttemptAt?.getTime()).toBe(now + 60_000)
  })
})

describe('what is held', () => {
  it('is canceled after its time, told, and can be replayed', async () => {
    const made = rig({ hold: { maxAgeMs: 2 * DAY } })
    const canceled: unknown[] = []
    made.sender.on('delivery.canceled', (news) => canceled.push(news.reason))
    const { id } = await made.sender.endpoints.create({ url: URL_OK })
    await made.sender.endpoints.pause(id)
    await made.sender.send(event)
    made.clock.advanceBy(2 * DAY)
    await made.sender.drain()
    expect(await deliveries(made)).toMatchObject([{ state: 'pending' }])
    made.clock.advanceBy(60_001)
    await made.sender.drain()
    expect(await deliveries(made)).toMatchObject([{ state: 'canceled', reason: 'hold_expired' }])
    expect(canceled).toEqual(['hold_expired'])
    await made.sender.endpoints.resume(id)
    const run = await made.sender.replay({ state: 'canceled' })
    await made.sender.drain()
    expect(await run.wait()).toMatchObject({ state: 'completed', total: 1, requeued: 1, delivered: 1 })
    expect(await deliveries(made)).toMatchObject([{ state: 'delivered', round: 2 }])
  })

  it('comes out in one go when its endpoint is resumed in time', async () => {
    const made = rig()
    const { id } = await made.sender.endpoints.create({ url: URL_OK })
    await made.sender.endpoints.pause(id, { reason: 'holiday' })
    for (let index = 0; index < 30; index++) await made.sender.send(event)
    made.clock.advanceBy(6 * DAY)
    await made.sender.drain()
    expect(await made.sender.health()).toMatchObject({ pending: 30, held: 30, oldestDueAt: null })
    await made.sender.endpoints.resume(id)
    await made.sender.drain()
    expect(made.requests).toHaveLength(30)
  })
})

describe('retention', () => {
  it('removes what was delivered and what failed, each after its time, with events and attempts', async () => {
    const made = rig({ retention: { deliveredMs: DAY, failedMs: 3 * DAY }, retry: { delaysMs: [] } })
    await made.sender.endpoints.create({ url: URL_OK })
    made.transport.reply((_, index) => (index === 0 ? 200 : 500))
    const good = await made.sender.send(event)
    await made.sender.drain()
    const bad = await made.sender.send(event)
    await made.sender.drain()
    const [first] = (await made.sender.deliveries.list({ eventId: good.id })).items
    const later = async (days: number) => {
      made.clock.advanceBy(days * DAY + 60_001)
      await made.sender.drain()
      return (await deliveries(made)).map(({ eventId }) => eventId)
    }
    expect(await later(0.5)).toHaveLength(2)
    expect(await later(0.6)).toEqual([bad.id])
    expect(await made.sender.events.get(good.id)).toBeNull()
    await expect(made.sender.deliveries.attempts(first?.id ?? '')).rejects.toMatchObject({ code: 'delivery_not_found' })
    expect(await later(2)).toEqual([])
    expect(await made.sender.events.get(bad.id)).toBeNull()
    expect((await made.sender.health()).storage.bytes).toBe(0)
  })

  it('works in bounded slices, also of a started sender, and never removes what is not at rest', async () => {
    const made = rig({ retention: { deliveredMs: DAY } })
    const { id } = await made.sender.endpoints.create({ url: URL_OK })
    for (let index = 0; index < 40; index++) await made.sender.send({ ...event, data: index })
    await made.sender.drain()
    await made.sender.endpoints.pause(id)
    await made.sender.send({ ...event, type: 'held' })
    await made.sender.start()
    for (let turn = 0; turn < 10; turn++) {
      made.clock.advanceBy(0.2 * DAY)
      await quiet(60)
    }
    expect((await deliveries(made)).map(({ type }) => type)).toEqual(['held'])
    for (const { method, input } of made.storage.inputs) {
      if (method === 'prune' || method === 'cancelHeld')
        expect((input as { limit: number }).limit).toBeLessThanOrEqual(500)
    }
  })
})
