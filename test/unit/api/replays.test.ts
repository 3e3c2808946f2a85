import { afterEach, describe, expect, it } from 'vitest'
import { ALL_TENANTS } from '../../../src/api/scope.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { type Rig, rig, stopAll, URL_OK } from '../engine/rig.ts'

afterEach(stopAll)

/** A sender with `count` failed deliveries, whose endpoint is well again. */
async function failed(count: number, options: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const made = rig({ retry: { delaysMs: [] }, disable: false, ...options })
  await made.sender.endpoints.create({ url: URL_OK })
  made.transport.reply(500)
  for (let index = 0; index < count; index++) await made.sender.send({ type: 'a', data: index })
  await made.sender.drain({ until: new Date(made.clock.now() + 60_000) })
  made.transport.reply(200)
  made.transport.requests.length = 0
  return made
}

describe('a replay', () => {
  it('begins another round with the whole schedule, and the same webhook-id', async () => {
    const made = await failed(3, { retry: { delaysMs: [1_000], jitter: 0 } })
    made.transport.reply((_, index) => (index < 3 ? 500 : 200))
    const run = await made.sender.replay({ state: 'failed' })
    expect(run).toMatchObject({ state: 'running', total: 3, requeued: 0 })
    await made.sender.drain({ until: new Date(made.clock.now() + 10_000) })
    expect(await run.wait()).toMatchObject({ state: 'completed', requeued: 3, delivered: 3, failed: 0 })
    const { items } = await made.sender.deliveries.list()
    expect(items.map(({ round, attemptCount }) => [round, attemptCount])).toEqual(Array(3).fill([2, 4]))
    const ids = new Set(items.map(({ eventId }) => eventId))
    for (const { headers } of made.requests) expect(ids).toContain(headers['webhook-id'])
  })

  it('dry: counts, and changes nothing', async () => {
    const made = await failed(3)
    expect(await made.sender.replay({ state: 'failed' }, { dryRun: true })).toEqual({ total: 3 })
    expect(await made.sender.drain()).toEqual({ attempts: 0, nextDueAt: null })
  })

  it('keeps to its rate', async () => {
    const made = await failed(20)
    const run = await made.sender.replay({ state: 'failed' }, { perSecond: 2 })
    const began = made.clock.now()
    await made.sender.drain({ until: new Date(began + 60_000) })
    expect(await run.wait()).toMatchObject({ delivered: 20 })
    const took = (made.requests.at(-1)?.at ?? 0) - began
    expect(took).toBeGreaterThanOrEqual(9_000)
    expect(took).toBeLessThan(12_000)
  })

  it('does not spend its rate on deliveries that it only passes over', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK })
    const types = ['b', ...Array<string>(4_500).fill('a'), 'b']
    for (const type of types) await made.sender.send({ type, data: 1 })
    await made.sender.drain()
    made.transport.requests.length = 0
    const began = made.clock.now()
    await made.sender.replay({ type: 'b' }, { perSecond: 1 })
    await made.sender.drain({ until: new Date(began + 60_000) })
    expect(made.requests.map(({ at }) => at - began)).toEqual([0, 1_000])
  })

  it('goes on in another sender after a restart', async () => {
    const storage = memory()
    const made = await failed(5, { storage })
    const { id } = await made.sender.replay({ state: 'failed' })
    await made.sender.stop()
    const next = rig({ storage, runtime: { random: seededRandom(7) } })
    next.clock.advanceTo(made.clock.now())
    await next.sender.drain()
    expect(next.requests).toHaveLength(5)
    expect(await next.sender.replays.get(id)).toMatchObject({ state: 'completed', delivered: 5 })
  })

  it('tells when it has visited all', async () => {
    const made = await failed(2)
    const heard: unknown[] = []
    made.sender.on('replay.completed', (news) => heard.push(news))
    const { id } = await made.sender.replay({ state: 'failed' })
    await made.sender.drain()
    expect(heard).toEqual([{ replayId: id, kind: 'replay', requeued: 2, skipped: 0 }])
  })

  it('canceled requeues nothing further, and what was requeued is delivered', async () => {
    const made = await failed(5)
    const run = await made.sender.replay({ state: 'failed' }, { perSecond: 1 })
    await made.sender.drain()
    const canceled = await run.cancel()
    expect(canceled).toMatchObject({ state: 'canceled', requeued: 1 })
    expect(canceled.endedAt).toBeInstanceOf(Date)
    await made.sender.drain({ until: new Date(made.clock.now() + 60_000) })
    expect(made.requests).toHaveLength(1)
    expect(await run.wait()).toMatchObject({ state: 'canceled', delivered: 1 })
  })

  it('selects by all that is given together', async () => {
    const made = await failed(3)
    const { items } = await made.sender.deliveries.list()
    const [one, two] = items
    const total = async (selection: Parameters<typeof made.sender.replay>[0]) =>
      (await made.sender.replay(selection, { dryRun: true })).total
    expect(await total({ ids: [one?.id ?? '', two?.id ?? ''] })).toBe(2)
    expect(await total({ ids: [one?.id ?? ''], eventId: two?.eventId ?? '' })).toBe(0)
    expect(await total({ eventId: one?.eventId ?? '' })).toBe(1)
    expect(await total({ type: 'a' })).toBe(3)
    expect(await total({ type: 'b' })).toBe(0)
    expect(await total({ state: ['delivered', 'canceled'] })).toBe(0)
    expect(await total({ since: new Date(made.clock.now()) })).toBe(3)
    expect(await total({ until: new Date(made.clock.now()) })).toBe(0)
    expect(await total({ endpointId: 'ep_none' })).toBe(0)
  })
})

describe('the list of replays', () => {
  it('has them newest first, of both kinds, as they were asked for', async () => {
    const made = await failed(2)
    const { sender, clock } = made
    const [endpoint] = (await sender.endpoints.list()).items
    const endpointId = endpoint?.id ?? ''
    const since = new Date(clock.now() - 1)
    const { id: first } = await sender.replay({
      state: 'failed',
      since,
      until: new Date(clock.now() + 1).toISOString(),
    })
    const run = await sender.replay({ tenant: ALL_TENANTS, state: ['failed', 'canceled'] }, { perSecond: 5 })
    const { id: third } = await sender.backfill({ endpointId })
    const { items, nextCursor } = await sender.replays.list()
    expect(nextCursor).toBeNull()
    expect(items).toEqual([
      {
        id: third,
        kind: 'backfill',
        selection: { tenant: 'default', endpointId },
        perSecond: null,
        state: 'running',
        total: 0,
        requeued: 0,
        skipped: 0,
        createdAt: new Date(clock.now()),
        endedAt: null,
      },
      expect.objectContaining({
        id: first,
        kind: 'replay',
        selection: { tenant: 'default', state: ['failed'], since, until: new Date(clock.now() + 1) },
      }),
    ])
    expect(run.selection).toEqual({ tenant: ALL_TENANTS, state: ['failed', 'canceled'] })
    const everywhere = await sender.replays.list({ tenant: ALL_TENANTS })
    expect(everywhere.items.map(({ id }) => id)).toEqual([third, run.id, first])
    expect(everywhere.items[1]).toMatchObject({ selection: run.selection, perSecond: 5 })
  })

  it('gives a selection back in a form in which it can be given again', async () => {
    const made = await failed(3)
    const [one] = (await made.sender.deliveries.list()).items
    const since = new Date(made.clock.now())
    const asked = { eventId: one?.eventId ?? '', type: 'a', state: 'failed' as const, since, ids: [one?.id ?? ''] }
    const run = await made.sender.replay(asked)
    expect(run).toMatchObject({ total: 1, selection: { tenant: 'default', ...asked, state: ['failed'] } })
    expect(await made.sender.replay(run.selection, { dryRun: true })).toEqual({ total: 1 })
  })

  it('is filtered by state, and paged', async () => {
    const made = await failed(3)
    const { sender } = made
    const ids: string[] = []
    for (let index = 0; index < 5; index++) {
      const run = await sender.replay({ type: 'a' }, { perSecond: 1 })
      if (index === 2) await run.cancel()
      ids.unshift(run.id)
    }
    const idsOf = async (filter: Parameters<typeof sender.replays.list>[0]) =>
      (await sender.replays.list(filter)).items.map(({ id }) => id)
    expect(await idsOf({ state: 'canceled' })).toEqual([ids[2]])
    expect(await idsOf({ state: ['running', 'completed'] })).toEqual(ids.filter((_, index) => index !== 2))
    const first = await sender.replays.list({ limit: 2 })
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2))
    const cursor = first.nextCursor ?? ''
    expect(await idsOf({ limit: 3, cursor })).toEqual(ids.slice(2))
    const other = sender.replays.list({ limit: 2, cursor, state: 'canceled' })
    await expect(other).rejects.toMatchObject({ code: 'cursor_invalid' })
  })

  it('counts nothing: what became of the deliveries is told by get', async () => {
    const made = await failed(3)
    const { id } = await made.sender.replay({ state: 'failed' })
    await made.sender.drain()
    const counted = made.storage.calls.get('replayProgress')
    const [listed] = (await made.sender.replays.list()).items
    expect(listed).not.toHaveProperty('delivered')
    expect(made.storage.calls.get('replayProgress')).toBe(counted)
    expect(await made.sender.replays.get(id)).toMatchObject({ ...listed, delivered: 3, failed: 0, canceled: 0 })
  })
})

describe('replays.cancel', () => {
  it('ends one found by its id, and leaves one that has ended as it ended', async () => {
    const made = await failed(3)
    const { id } = await made.sender.replay({ state: 'failed' }, { perSecond: 1 })
    expect(await made.sender.replays.cancel(id)).toMatchObject({ id, state: 'canceled', requeued: 0 })
    const again = await made.sender.replays.cancel(id)
    expect(again).toMatchObject({ id, state: 'canceled', endedAt: new Date(made.clock.now()) })
    const { id: whole } = await made.sender.replay({ state: 'failed' })
    await made.sender.drain()
    expect(await made.sender.replays.cancel(whole)).toMatchObject({ state: 'completed', delivered: 3 })
  })

  it('knows no other', async () => {
    const made = await failed(1)
    const { id } = await made.sender.replay({ state: 'failed' })
    const notFound = { code: 'replay_not_found' }
    await expect(made.sender.replays.cancel('rpl_none')).rejects.toMatchObject(notFound)
    await expect(made.sender.forTenant('other').replays.cancel(id)).rejects.toMatchObject(notFound)
    const { id: everywhere } = await made.sender.replay({ tenant: ALL_TENANTS, state: 'failed' })
    await expect(made.sender.forTenant('default').replays.cancel(everywhere)).rejects.toMatchObject(notFound)
    expect(await made.sender.replays.get(everywhere)).toMatchObject({ state: 'running' })
  })
})
