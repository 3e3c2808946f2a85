import { afterEach, describe, expect, it } from 'vitest'
import { ALL_TENANTS } from '../../../src/api/scope.ts'
import { WebhookError } from '../../../src/errors.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { quiet, type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

const MINUTE = 60_000

/** A sender with so many events that nobody wanted, one a second, and an endpoint that came after them. */
async function missed(count: number, options: Parameters<typeof rig>[0] = {}) {
  const made = rig(options)
  const ids: string[] = []
  for (let index = 0; index < count; index++) {
    ids.push((await made.sender.send({ type: 'a', data: index })).id)
    made.clock.advanceBy(1_000)
  }
  const { id: endpointId } = await made.sender.endpoints.create({ url: URL_OK })
  return { ...made, ids, endpointId }
}

const reached = ({ requests }: Rig) => requests.map(({ headers }) => headers['webhook-id'])

async function drainFor({ sender, clock }: Rig, ms: number): Promise<void> {
  await sender.drain({ until: new Date(clock.now() + ms) })
}

describe('a backfill', () => {
  it('delivers what the endpoint never had, as it was accepted', async () => {
    const made = await missed(3)
    const run = await made.sender.backfill({ endpointId: made.endpointId })
    const { endpointId } = made
    expect(run).toMatchObject({ kind: 'backfill', state: 'running', total: 3, requeued: 0, perSecond: null })
    expect(run.selection).toEqual({ tenant: 'default', endpointId })
    await made.sender.drain()
    expect(reached(made).sort()).toEqual([...made.ids].sort())
    expect(made.requests.map(({ json }) => (json as { data: number }).data).sort()).toEqual([0, 1, 2])
    expect(await run.wait()).toMatchObject({ state: 'completed', requeued: 3, skipped: 0, delivered: 3 })
    const { items } = await made.sender.deliveries.list({ endpointId })
    expect(items.map(({ round, state }) => [round, state])).toEqual(Array(3).fill([1, 'delivered']))
  })

  it('dry: counts, and changes nothing', async () => {
    const made = await missed(3)
    expect(await made.sender.backfill({ endpointId: made.endpointId }, { dryRun: true })).toEqual({ total: 3 })
    expect(await made.sender.drain()).toEqual({ attempts: 0, nextDueAt: null })
    expect((await made.sender.replays.list()).items).toEqual([])
  })

  it('brings nothing twice', async () => {
    const made = await missed(3)
    const begin = () => made.sender.backfill({ endpointId: made.endpointId })
    await Promise.all([begin(), begin()])
    await made.sender.drain()
    expect(made.requests).toHaveLength(3)
    expect(await begin()).toMatchObject({ total: 0 })
    await made.sender.drain()
    expect(made.requests).toHaveLength(3)
  })

  it('brings nothing that is accepted after it began', async () => {
    const made = await missed(2)
    const { endpointId, sender } = made
    const run = await sender.backfill({ endpointId })
    await sender.endpoints.update(endpointId, { eventTypes: ['b'] })
    await sender.send({ type: 'a', data: 'new' })
    await sender.endpoints.update(endpointId, { eventTypes: ['a'] })
    await sender.drain()
    expect(await run.wait()).toMatchObject({ requeued: 2 })
    expect(reached(made).sort()).toEqual([...made.ids].sort())
    expect(await sender.backfill({ endpointId })).toMatchObject({ total: 1 })
  })

  it('goes by the patterns of now, and what it selects narrows them, widens nothing', async () => {
    const made = await missed(0)
    const { sender, endpointId } = made
    for (const type of ['invoice.paid', 'invoice.late', 'user.created']) {
      await sender.send({ type, data: 1, endpoints: [(await sender.endpoints.create({ url: URL_OK })).id] })
    }
    const typed = async (type: string) => {
      const { id } = await sender.forTenant('t').send({ type, data: 1 })
      return id
    }
    const [paid, , created] = [await typed('invoice.paid'), await typed('invoice.late'), await typed('user.created')]
    const tenant = sender.forTenant('t')
    const { id } = await tenant.endpoints.create({ url: URL_OK, eventTypes: ['invoice.*'] })
    const total = async (more: object) => (await tenant.backfill({ endpointId: id, ...more }, { dryRun: true })).total
    expect(await total({})).toBe(2)
    expect(await total({ type: 'invoice.paid' })).toBe(1)
    expect(await total({ type: 'user.created' })).toBe(0)
    expect(await total({ eventId: paid })).toBe(1)
    expect(await total({ eventId: created })).toBe(0)
    expect((await sender.backfill({ endpointId }, { dryRun: true })).total).toBe(0)
  })

  it('of addressed events brings those that name the endpoint alone', async () => {
    const made = rig({ retention: { deliveredMs: MINUTE, failedMs: 365 * 24 * 60 * MINUTE }, retry: { delaysMs: [] } })
    const { sender } = made
    const [named, failing, beside] = await Promise.all(
      ['a', 'failing', 'c'].map(async (path) => (await sender.endpoints.create({ url: `${URL_OK}/${path}` })).id),
    )
    made.transport.reply(({ url }) => (url.endsWith('/failing') ? 500 : 200))
    await sender.send({ type: 'a', data: 1, endpoints: [named ?? '', failing ?? ''] })
    await sender.drain()
    made.clock.advanceBy(3 * MINUTE)
    await sender.drain()
    // Retention has removed the delivery of the first: it counts as never had.
    expect(await sender.backfill({ endpointId: named ?? '' }, { dryRun: true })).toEqual({ total: 1 })
    expect(await sender.backfill({ endpointId: failing ?? '' }, { dryRun: true })).toEqual({ total: 0 })
    expect(await sender.backfill({ endpointId: beside ?? '' }, { dryRun: true })).toEqual({ total: 0 })
  })

  it('selects by acceptance: since inclusive, until exclusive', async () => {
    const made = await missed(5)
    const began = made.clock.now() - 5_000
    const at = (second: number) => new Date(began + second * 1_000)
    const total = async (more: object) =>
      (await made.sender.backfill({ endpointId: made.endpointId, ...more }, { dryRun: true })).total
    expect(await total({ since: at(1) })).toBe(4)
    expect(await total({ until: at(1) })).toBe(1)
    expect(await total({ since: at(1), until: at(3) })).toBe(2)
    expect(await total({ since: at(5) })).toBe(0)
    const run = await made.sender.backfill({ endpointId: made.endpointId, since: at(1), until: at(3).toISOString() })
    expect(run.selection).toMatchObject({ since: at(1), until: at(3) })
    await made.sender.drain()
    expect(reached(made)).toEqual(made.ids.slice(1, 3))
  })

  it('never brings canceled events, nor any before its deliverAt', async () => {
    const made = await missed(2)
    const [first = ''] = made.ids
    const other = made.sender.forTenant('other')
    const due = made.clock.now() + MINUTE
    const later = await other.send({ type: 'a', data: 1, deliverAt: new Date(due) })
    const { id: late } = await other.endpoints.create({ url: URL_OK })
    await made.sender.events.cancel(first)
    expect(await made.sender.backfill({ endpointId: made.endpointId })).toMatchObject({ total: 1 })
    await other.backfill({ endpointId: late })
    await made.sender.drain({ until: new Date(due - 1) })
    expect(reached(made)).toEqual([made.ids[1]])
    await made.sender.drain({ until: new Date(due) })
    expect(reached(made)).toEqual([made.ids[1], later.id])
  })

  it('of an event canceled while it runs skips it', async () => {
    const made = await missed(3)
    const run = await made.sender.backfill({ endpointId: made.endpointId }, { perSecond: 1 })
    await made.sender.drain()
    await made.sender.events.cancel(made.ids[1] ?? '')
    await drainFor(made, MINUTE)
    expect(await run.wait()).toMatchObject({ state: 'completed', total: 3, requeued: 2, delivered: 2 })
    expect(reached(made)).toEqual([made.ids[0], made.ids[2]])
  })

  it('waits at a paused endpoint, as any delivery does', async () => {
    const made = await missed(2)
    const { sender, endpointId } = made
    await sender.endpoints.pause(endpointId)
    const run = await sender.backfill({ endpointId })
    await sender.drain()
    expect(await sender.replays.get(run.id)).toMatchObject({ state: 'completed', requeued: 2, delivered: 0 })
    expect(await sender.health()).toMatchObject({ pending: 2, held: 2 })
    await sender.endpoints.resume(endpointId)
    await sender.drain()
    expect(await run.wait()).toMatchObject({ delivered: 2 })
  })

  it('counts what fails, and what is canceled', async () => {
    const made = await missed(3, { retry: { delaysMs: [] }, disable: false })
    const { sender, ids, endpointId } = made
    made.transport.reply(({ headers }) => (headers['webhook-id'] === ids[0] ? 200 : 500))
    await sender.endpoints.pause(endpointId)
    const run = await sender.backfill({ endpointId })
    await sender.drain()
    await sender.events.cancel(ids[2] ?? '')
    await sender.endpoints.resume(endpointId)
    await sender.drain()
    expect(await run.wait()).toMatchObject({ requeued: 3, delivered: 1, failed: 1, canceled: 1 })
  })

  it('completes at once for an endpoint that is deleted meanwhile', async () => {
    const made = await missed(3)
    const run = await made.sender.backfill({ endpointId: made.endpointId }, { perSecond: 1 })
    await made.sender.endpoints.delete(made.endpointId)
    await made.sender.drain()
    expect(await run.wait()).toMatchObject({ state: 'completed', requeued: 0 })
    expect(made.requests).toEqual([])
  })

  it('tells when it has visited all', async () => {
    const made = await missed(2)
    const heard: unknown[] = []
    made.sender.on('replay.completed', (news) => heard.push(news))
    const { id } = await made.sender.backfill({ endpointId: made.endpointId })
    await made.sender.drain()
    expect(heard).toEqual([{ replayId: id, kind: 'backfill', requeued: 2, skipped: 0 }])
  })

  it('finds no endpoint that is deleted, foreign, or of another tenant than it was told', async () => {
    const made = await missed(1)
    const { sender, endpointId } = made
    const notFound = { code: 'endpoint_not_found' }
    await expect(sender.forTenant('other').backfill({ endpointId })).rejects.toMatchObject(notFound)
    await expect(sender.backfill({ tenant: 'other', endpointId })).rejects.toMatchObject(notFound)
    const run = await sender.backfill({ tenant: ALL_TENANTS, endpointId })
    expect(run).toMatchObject({ total: 1, selection: { tenant: 'default' } })
    expect(await sender.forTenant('default').replays.get(run.id)).toMatchObject({ id: run.id })
    await sender.endpoints.delete(endpointId)
    await expect(sender.backfill({ endpointId })).rejects.toMatchObject(notFound)
  })
})

describe('the pace of a backfill', () => {
  it('keeps to its rate', async () => {
    const made = await missed(20)
    const began = made.clock.now()
    const run = await made.sender.backfill({ endpointId: made.endpointId }, { perSecond: 2 })
    await drainFor(made, MINUTE)
    expect(await run.wait()).toMatchObject({ delivered: 20, perSecond: 2 })
    const took = (made.requests.at(-1)?.at ?? 0) - began
    expect(took).toBeGreaterThanOrEqual(9_000)
    expect(took).toBeLessThan(12_000)
    expect(reached(made)).toEqual(made.ids)
  })

  it('is not spent on events that the endpoint does not want', async () => {
    const made = rig()
    const wanted: string[] = []
    for (let index = 0; index < 4_500; index++) {
      const { id } = await made.sender.send({ type: index % 1_500 === 700 ? 'wanted' : 'other', data: index })
      if (index % 1_500 === 700) wanted.push(id)
    }
    const { id: endpointId } = await made.sender.endpoints.create({ url: URL_OK, eventTypes: ['wanted'] })
    const began = made.clock.now()
    const run = await made.sender.backfill({ endpointId }, { perSecond: 1 })
    expect(run.total).toBe(3)
    await drainFor(made, MINUTE)
    expect(reached(made)).toEqual(wanted)
    expect(made.requests.map(({ at }) => at - began)).toEqual([0, 1_000, 2_000])
    expect(await run.wait()).toMatchObject({ state: 'completed', requeued: 3, skipped: 0 })
    // Two looks and one write for each, and some for what lies between: not one for each event.
    expect(made.storage.calls.get('insertBackfill')).toBeLessThan(20)
  })

  it('is as fast as storage takes them otherwise, page by page', async () => {
    const made = await missed(0)
    const tenant = made.sender.forTenant('many')
    for (let index = 0; index < 1_200; index++) await tenant.send({ type: 'a', data: index })
    const { id: endpointId } = await tenant.endpoints.create({ url: URL_OK })
    const run = await tenant.backfill({ endpointId })
    await made.sender.drain()
    expect(await run.wait()).toMatchObject({ total: 1_200, delivered: 1_200 })
    expect(made.storage.calls.get('insertBackfill')).toBe(12)
  })
})

describe('a backfill over several processes', () => {
  it('goes on in another after a restart', async () => {
    const storage = memory()
    const made = await missed(5, { storage })
    const { id } = await made.sender.backfill({ endpointId: made.endpointId }, { perSecond: 1 })
    await drainFor(made, 1_500)
    expect(made.requests).toHaveLength(2)
    await made.sender.stop()
    const next = rig({ storage, runtime: { random: seededRandom(7) } })
    next.clock.advanceTo(made.clock.now())
    await drainFor(next, MINUTE)
    expect(await next.sender.replays.get(id)).toMatchObject({ state: 'completed', requeued: 5, delivered: 5 })
    expect([...reached(made), ...reached(next)]).toEqual(made.ids)
  })

  it('brings each event once, and is told as completed once, when several step it at once', async () => {
    const storage = memory()
    const made = await missed(0, { storage })
    const others = [2, 3].map((seed) => rig({ storage, runtime: { random: seededRandom(seed) } }))
    for (let index = 0; index < 1_600; index++) await made.sender.forTenant('many').send({ type: 'a', data: index })
    const { id: endpointId } = await made.sender.forTenant('many').endpoints.create({ url: URL_OK })
    const heard: unknown[] = []
    for (const one of [made, ...others]) one.sender.on('replay.completed', (news) => heard.push(news))
    const run = await made.sender.forTenant('many').backfill({ endpointId })
    for (const [index, one] of others.entries()) one.clock.advanceTo(made.clock.now() + index + 1)
    await Promise.all([made, ...others].map(({ sender }) => sender.drain()))
    expect(await run.wait()).toMatchObject({ requeued: 1_600, skipped: 0, delivered: 1_600 })
    const all = [made, ...others].flatMap(reached)
    expect(all).toHaveLength(1_600)
    expect(new Set(all).size).toBe(1_600)
    expect(heard).toHaveLength(1)
  })

  it('writes nothing twice after a commit whose answer got lost', async () => {
    const made = await missed(3)
    let tries = 0
    made.storage.tamper('insertBackfill', async (call) => {
      const answer = await call()
      if (++tries === 1) throw new WebhookError('storage_unavailable', 'lost.', { retryable: true })
      return answer
    })
    const run = await made.sender.backfill({ endpointId: made.endpointId })
    await made.sender.drain()
    expect(await run.wait()).toMatchObject({ requeued: 3, skipped: 0, delivered: 3 })
    expect(tries).toBe(2)
    expect(made.requests).toHaveLength(3)
  })

  it('canceled brings nothing further, and what it brought is delivered', async () => {
    const made = await missed(5)
    const run = await made.sender.backfill({ endpointId: made.endpointId }, { perSecond: 1 })
    await made.sender.drain()
    expect(await made.sender.replays.cancel(run.id)).toMatchObject({ state: 'canceled', requeued: 1 })
    await drainFor(made, MINUTE)
    expect(made.requests).toHaveLength(1)
  })
})

it('counting holds nobody up: the host has its turns between looks', async () => {
  const made = await missed(0)
  const tenant = made.sender.forTenant('many')
  for (let index = 0; index < 1_100; index++) await tenant.send({ type: 'a', data: index })
  const { id: endpointId } = await tenant.endpoints.create({ url: URL_OK })
  let turns = 0
  let counting = true
  const turning = (async () => {
    for (; counting; turns++) await quiet(1)
  })()
  expect(await tenant.backfill({ endpointId }, { dryRun: true })).toEqual({ total: 1_100 })
  counting = false
  await turning
  expect(made.storage.calls.get('missedEvents')).toBe(3)
  expect(turns).toBeGreaterThanOrEqual(3)
})
