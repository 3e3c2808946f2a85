import { afterEach, describe, expect, it } from 'vitest'
import { WebhookError } from '../../../src/errors.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

const HOUR = 3_600_000
const event = { type: 'a', data: 1 }

/** How many of an event's deliveries are in each state, with the reason where there is one. */
async function states({ sender }: Rig, eventId: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (let cursor: string | undefined; ; ) {
    const page = await sender.deliveries.list({ eventId, limit: 200, ...(cursor === undefined ? {} : { cursor }) })
    for (const { state, reason } of page.items) {
      const key = reason === null ? state : `${state} ${reason}`
      counts[key] = (counts[key] ?? 0) + 1
    }
    if (page.nextCursor === null) return counts
    cursor = page.nextCursor
  }
}

async function withEndpoints(count: number, options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const made = rig(options)
  for (let index = 0; index < count; index++) await made.sender.endpoints.create({ url: `${URL_OK}/${index}` })
  return made
}

function heard({ sender }: Rig): unknown[] {
  const news: unknown[] = []
  sender.on('delivery.canceled', (one) => news.push(one))
  return news
}

describe('canceling an event', () => {
  it('ends what is pending, and tells of each', async () => {
    const made = await withEndpoints(2)
    const news = heard(made)
    const { id } = await made.sender.send(event)
    const canceled = await made.sender.events.cancel(id)
    expect(canceled).toMatchObject({ id, type: 'a', canceledAt: new Date(made.clock.now()) })
    expect(canceled).not.toHaveProperty('body')
    expect(await made.sender.events.get(id)).toMatchObject({ canceledAt: canceled.canceledAt })
    expect(await states(made, id)).toEqual({ 'canceled event_canceled': 2 })
    const one = { eventId: id, tenant: 'default', type: 'a', reason: 'event_canceled' }
    expect(news).toEqual([1, 2].map(() => ({ ...one, deliveryId: expect.any(String), endpointId: expect.any(String) })))
    expect(await made.sender.drain()).toEqual({ attempts: 0, nextDueAt: null })
    expect(made.requests).toEqual([])
  })

  it('again changes nothing, and tells nothing', async () => {
    const made = await withEndpoints(1)
    const { id } = await made.sender.send(event)
    const first = await made.sender.events.cancel(id)
    const news = heard(made)
    made.clock.advanceBy(HOUR)
    expect(await made.sender.events.cancel(id)).toEqual(first)
    expect(news).toEqual([])
  })

  it('leaves what was delivered, and ends what waits for its next attempt, is held or is due later', async () => {
    const made = await withEndpoints(3)
    const { items } = await made.sender.endpoints.list()
    await made.sender.endpoints.pause(items[2]?.id ?? '')
    made.transport.reply(({ url }) => (url.endsWith('/1') ? 500 : 200))
    const { id } = await made.sender.send(event)
    const { id: later } = await made.sender.send({ ...event, deliverAt: new Date(made.clock.now() + HOUR) })
    await made.sender.drain()
    expect(await states(made, id)).toEqual({ delivered: 1, pending: 2 })
    await made.sender.events.cancel(id)
    await made.sender.events.cancel(later)
    expect(await states(made, id)).toEqual({ delivered: 1, 'canceled event_canceled': 2 })
    expect(await states(made, later)).toEqual({ 'canceled event_canceled': 3 })
    expect((await made.sender.drain()).nextDueAt).toBeNull()
  })

  it('goes on slice by slice until none is left', async () => {
    const made = await withEndpoints(250)
    const { id } = await made.sender.send(event)
    const news = heard(made)
    await made.sender.events.cancel(id)
    expect(await states(made, id)).toEqual({ 'canceled event_canceled': 250 })
    expect(news).toHaveLength(250)
    expect(made.storage.calls.get('cancelEvent')).toBe(3)
  })

  it('goes on where a call that failed has stopped', async () => {
    const made = await withEndpoints(150)
    const { id } = await made.sender.send(event)
    let calls = 0
    made.storage.tamper('cancelEvent', async (call) => {
      if (++calls === 2) throw new WebhookError('storage_unavailable', 'gone.')
      return call()
    })
    await expect(made.sender.events.cancel(id)).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(await states(made, id)).toEqual({ 'canceled event_canceled': 100, pending: 50 })
    made.storage.heal()
    await made.sender.events.cancel(id)
    expect(await states(made, id)).toEqual({ 'canceled event_canceled': 150 })
  })

  it('ends a fan-out that is going on', async () => {
    const made = await withEndpoints(300)
    const { id, deliveries } = await made.sender.send(event)
    expect(deliveries).toBeNull()
    await made.sender.events.cancel(id)
    await made.sender.drain()
    expect(await states(made, id)).toEqual({})
    expect(await made.sender.events.wait(id)).toEqual({ pending: 0, delivered: 0, failed: 0, canceled: 0 })
    expect(made.requests).toEqual([])
  })

  it('survives that retention removes the event between two slices', async () => {
    const made = await withEndpoints(100)
    const { id } = await made.sender.send(event)
    let calls = 0
    made.storage.tamper('cancelEvent', async (call) => (++calls === 2 ? null : call()))
    expect(await made.sender.events.cancel(id)).toMatchObject({ id, canceledAt: new Date(made.clock.now()) })
  })

  it('gives what waited behind it its turn, at once', async () => {
    const made = await withEndpoints(1, { pollMs: 60_000 })
    await made.sender.start()
    made.transport.reply(500)
    const { id: head } = await made.sender.send({ ...event, orderingKey: 'k' })
    const { id: behind } = await made.sender.send({ ...event, orderingKey: 'k' })
    await quiet()
    made.transport.reply(200)
    made.requests.length = 0
    await made.sender.events.cancel(head)
    await quiet()
    expect(made.requests.map(({ headers }) => headers['webhook-id'])).toEqual([behind])
    expect(await states(made, behind)).toEqual({ delivered: 1 })
  })

  it('keeps its idempotency key', async () => {
    const made = await withEndpoints(1)
    const given = { ...event, idempotencyKey: 'once' }
    const { id } = await made.sender.send(given)
    await made.sender.events.cancel(id)
    expect(await made.sender.send(given)).toMatchObject({ id, duplicate: true })
  })

  it('does not keep a person from replaying its deliveries, by a whole schedule', async () => {
    const made = await withEndpoints(1, { retry: { delaysMs: [1_000], jitter: 0 } })
    const { id } = await made.sender.send(event)
    await made.sender.events.cancel(id)
    made.transport.reply((_, index) => (index === 0 ? 500 : 200))
    const run = await made.sender.replay({ eventId: id })
    await made.sender.drain({ until: new Date(made.clock.now() + HOUR) })
    expect(await run.wait()).toMatchObject({ requeued: 1, delivered: 1 })
    expect(made.requests).toHaveLength(2)
    expect(await states(made, id)).toEqual({ delivered: 1 })
  })
})

describe('an attempt under way when its event is canceled', () => {
  /** A started sender with one attempt under way for 1 s, that answers so. */
  async function underWay(status: number, orderingKey?: string) {
    const made = await withEndpoints(1, { retry: { delaysMs: [5_000], jitter: 0 } })
    await made.sender.start()
    made.transport.reply({ status, delayMs: 1_000 })
    const { id } = await made.sender.send({ ...event, ...(orderingKey === undefined ? {} : { orderingKey }) })
    await quiet()
    expect(made.requests).toHaveLength(1)
    const attempts: unknown[] = []
    made.sender.on('attempt', ({ attempt, nextAttemptAt }) => attempts.push([attempt.status, nextAttemptAt]))
    return { made, id, attempts, news: heard(made) }
  }

  it('is not interrupted: its success counts', async () => {
    const { made, id, attempts, news } = await underWay(200)
    await made.sender.events.cancel(id)
    expect(await states(made, id)).toEqual({ 'leased event_canceled': 1 })
    made.clock.advanceBy(1_000)
    await quiet()
    expect(await states(made, id)).toEqual({ delivered: 1 })
    expect(attempts).toEqual([[200, null]])
    expect(news).toEqual([])
  })

  it('is not repeated when it fails, and told as canceled, without a next attempt', async () => {
    const { made, id, attempts, news } = await underWay(500)
    await made.sender.events.cancel(id)
    expect(news).toEqual([])
    made.clock.advanceBy(1_000)
    await quiet()
    expect(await states(made, id)).toEqual({ 'canceled event_canceled': 1 })
    expect(attempts).toEqual([[500, null]])
    expect(news).toMatchObject([{ eventId: id, reason: 'event_canceled' }])
    made.clock.advanceBy(HOUR)
    await quiet()
    expect(made.requests).toHaveLength(1)
    expect((await made.sender.endpoints.list()).items[0]?.health.failures).toBe(1)
  })

  it('makes way for the next of its ordering key', async () => {
    const { made, id } = await underWay(500, 'k')
    const { id: behind } = await made.sender.send({ ...event, orderingKey: 'k' })
    await made.sender.events.cancel(id)
    made.transport.reply(200)
    made.clock.advanceBy(1_000)
    await quiet()
    expect(made.requests.map(({ headers }) => headers['webhook-id'])).toEqual([id, behind])
  })

  it('and aborted by stop is canceled, too', async () => {
    const { made, id, news } = await underWay(200)
    await made.sender.events.cancel(id)
    await through(made.clock, made.sender.stop({ graceMs: 100 }))
    expect(news).toMatchObject([{ eventId: id, reason: 'event_canceled' }])
  })
})
