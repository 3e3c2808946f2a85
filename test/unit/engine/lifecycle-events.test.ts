import { afterEach, describe, expect, it } from 'vitest'
import { LIFECYCLE_NAMES, type LifecycleName } from '../../../src/engine/lifecycle-events.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { read, tableOf } from '../../support/docs/markdown.ts'
import { quiet, type Rig, rig, stopAll, URL_OK } from './rig.ts'

afterEach(stopAll)

const HOUR = 3_600_000
const DAY = 24 * HOUR
const event = { tenant: 'acme', type: 'invoice.paid', data: 1 }

type Told = { name: LifecycleName; payload: unknown }

/** A sender with one endpoint, and everything that it tells. */
async function telling(options: Parameters<typeof rig>[0] = {}) {
  const made = rig(options)
  const told: Told[] = []
  for (const name of LIFECYCLE_NAMES) made.sender.on(name, (payload: unknown) => told.push({ name, payload }))
  const { id: endpointId } = await made.sender.endpoints.create({ tenant: 'acme', url: URL_OK })
  const of = (name: LifecycleName) => told.filter((one) => one.name === name).map(({ payload }) => payload)
  return { ...made, told, of, endpointId }
}

/** Sends one event and drains. Returns which delivery an event of it tells of. */
async function deliverOne({ sender, clock, endpointId }: Rig & { endpointId: string }, forMs = 0) {
  const { id: eventId } = await sender.send(event)
  await sender.drain({ until: new Date(clock.now() + forMs) })
  const [delivery] = (await sender.deliveries.list({ tenant: 'acme', eventId })).items
  return { deliveryId: delivery?.id, eventId, endpointId, tenant: 'acme', type: 'invoice.paid' }
}

/** What each name tells. A new name needs a case. */
const CASES: Record<LifecycleName, () => Promise<void>> = {
  async attempt() {
    const made = await telling()
    made.transport.reply({ status: 503, headers: { 'x-host': 'a' }, body: 'not shown', delayMs: 0 })
    const news = await deliverOne(made)
    const at = new Date('2026-01-01T00:00:00Z')
    const [delivery] = (await made.sender.deliveries.list({ tenant: 'acme' })).items
    const [stored] = (await made.sender.deliveries.attempts(news.deliveryId ?? '')).items
    const { responseBody, ...attempt } = { ...stored }
    expect(Buffer.from(responseBody ?? []).toString()).toBe('not shown')
    expect(made.of('attempt')).toEqual([{ ...news, attempt, nextAttemptAt: delivery?.nextAttemptAt }])
    expect(attempt).toMatchObject({ number: 1, round: 1, outcome: 'rejected', status: 503, startedAt: at, error: null })
    expect(delivery?.nextAttemptAt).toBeInstanceOf(Date)
  },

  async 'delivery.delivered'() {
    const made = await telling()
    made.transport.reply((_request, index) => (index === 0 ? 500 : 200))
    const news = await deliverOne(made, HOUR)
    expect(made.of('delivery.delivered')).toEqual([{ ...news, attempts: 2 }])
    expect(made.of('attempt')).toMatchObject([{ nextAttemptAt: expect.any(Date) }, { nextAttemptAt: null }])
  },

  async 'delivery.failed'() {
    const made = await telling({ retry: { delaysMs: [1_000] } })
    made.transport.reply(500)
    const news = await deliverOne(made, HOUR)
    expect(made.of('delivery.failed')).toEqual([{ ...news, attempts: 2, reason: 'attempts_exhausted' }])
  },

  async 'delivery.canceled'() {
    const made = await telling({ hold: { maxAgeMs: HOUR } })
    const { sender, clock, endpointId } = made
    await sender.endpoints.pause(endpointId)
    const held = await deliverOne(made)
    clock.advanceBy(HOUR + 1)
    await sender.drain()
    expect(made.of('delivery.canceled')).toEqual([{ ...held, reason: 'hold_expired' }])
    const pending = await deliverOne(made)
    await sender.endpoints.delete(endpointId)
    await sender.drain()
    expect(made.of('delivery.canceled').slice(1)).toEqual([{ ...pending, reason: 'endpoint_deleted' }])
  },

  async 'endpoint.failing'() {
    const made = await telling({ disable: { afterMs: 2 * DAY, minFailures: 4 } })
    made.transport.reply(500)
    const failingSince = new Date(made.clock.now())
    await deliverOne(made, 2 * DAY)
    const [news, ...more] = made.of('endpoint.failing') as { failures: number }[]
    expect(more).toEqual([])
    const { endpointId } = made
    expect(news).toEqual({ endpointId, tenant: 'acme', failingSince, failures: news?.failures })
    expect(news?.failures).toBeGreaterThanOrEqual(2)
  },

  async 'endpoint.disabled'() {
    const reasons: unknown[] = []
    const ways = [
      { reply: 410, options: {} },
      { reply: 500, options: { disable: { afterMs: HOUR, minFailures: 1 } } },
      { reply: 500, options: { disable: { decide: () => 'disable' as const } } },
    ]
    for (const { reply, options } of ways) {
      const made = await telling(options)
      made.transport.reply(reply)
      await deliverOne(made, DAY)
      const { endpointId } = made
      expect(made.of('endpoint.disabled')).toMatchObject([{ endpointId, tenant: 'acme' }])
      for (const payload of made.of('endpoint.disabled') as { reason: string }[]) {
        expect(Object.keys(payload).sort()).toEqual(['endpointId', 'reason', 'tenant'])
        reasons.push(payload.reason)
      }
    }
    expect(reasons).toEqual(['gone', 'failing', 'decided'])
  },

  async 'replay.completed'() {
    const made = await telling()
    await deliverOne(made)
    const { id: replayId } = await made.sender.replay({ tenant: 'acme', type: event.type })
    await made.sender.drain()
    expect(made.of('replay.completed')).toEqual([{ replayId, kind: 'replay', requeued: 1, skipped: 0 }])
  },

  async error() {
    const made = await telling()
    const boom = new Error('boom')
    made.sender.on('delivery.delivered', () => {
      throw boom
    })
    await deliverOne(made)
    expect(made.of('error')).toEqual([{ error: boom, context: "a listener of 'delivery.delivered' threw" }])
  },
}

describe('what is told', () => {
  it.each(Object.entries(CASES))('%s: its payload, all of it', (_, check) => check())

  it('has a case and a line in the guide for each name', () => {
    expect(Object.keys(CASES).sort()).toEqual([...LIFECYCLE_NAMES].sort())
    const rows = tableOf(read('docs/guides/lifecycle-events.md'), 'event', 'told when', 'payload')
    expect(rows.map(([name]) => name)).toEqual(LIFECYCLE_NAMES)
  })
})

describe('of one attempt', () => {
  it('the attempt comes first, then the delivery, then the endpoint', async () => {
    const made = await telling()
    made.transport.reply(410)
    await deliverOne(made)
    expect(made.told.map(({ name }) => name)).toEqual(['attempt', 'delivery.failed', 'endpoint.disabled'])
  })

  it('one that was lost is told by whoever found it, and its late result by nobody', async () => {
    const storage = memory()
    const slow = await telling({ storage })
    let go = () => {}
    const held = new Promise<void>((resolve) => {
      go = resolve
    })
    slow.storage.tamper('settle', (call) => held.then(() => call()))
    const { id: eventId } = await slow.sender.send(event)
    const drained = slow.sender.drain()
    await quiet()

    const other = rig({ storage, runtime: { clock: slow.clock } })
    const told: unknown[] = []
    other.sender.on('attempt', (news) => told.push(news))
    slow.clock.advanceBy(HOUR)
    await other.sender.drain()
    const { endpointId } = slow
    expect(told[0]).toMatchObject({ eventId, endpointId, attempt: { number: 1, outcome: 'lost', durationMs: null } })
    go()
    await drained
    expect(slow.told).toEqual([])
  })
})

describe('at most once', () => {
  it('the end of a replay is told by the process that saw it, not by one that came later', async () => {
    const storage = memory()
    const [first, second] = [await telling({ storage }), await telling({ storage })]
    await deliverOne(first)
    // Both see it running; the other one completes it before this one steps.
    first.storage.tamper('runningReplays', async (call) => {
      const running = await call()
      first.clock.advanceBy(1)
      first.storage.heal()
      await second.sender.drain()
      return running
    })
    await first.sender.replay({ tenant: 'acme', type: event.type })
    second.clock.advanceBy(1_000)
    await first.sender.drain()
    expect([second.of('replay.completed').length, first.of('replay.completed').length]).toEqual([1, 0])
  })

  it('nothing is told to a listener that ended its subscription, nor of what was done before it began', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK })
    const heard: number[] = []
    await made.sender.send({ type: 'a', data: 1 })
    await made.sender.drain()
    const end = made.sender.on('attempt', () => heard.push(1))
    await made.sender.send({ type: 'a', data: 1 })
    await made.sender.drain()
    end()
    await made.sender.send({ type: 'a', data: 1 })
    await made.sender.drain()
    expect(heard).toEqual([1])
  })
})
