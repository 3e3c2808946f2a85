import { afterEach, describe, expect, it } from 'vitest'
import type { ReplayProgress } from '../../../src/api/replay-run.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from '../engine/rig.ts'

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

describe('waiting', () => {
  it('ends when all rest, and times out retryable before that', async () => {
    const made = await failed(1)
    const run = await made.sender.replay({ state: 'failed' })
    const late = await through(
      made.clock,
      run.wait({ timeoutMs: 700 }).catch((error: Error) => error),
    )
    expect(late).toMatchObject({ code: 'timed_out', retryable: true })
    expect(made.clock.monotonic()).toBe(700)
    const waiting = run.wait()
    await made.sender.start()
    expect(await through(made.clock, waiting)).toMatchObject({ delivered: 1 })
  })

  it('ends with stopped when the sender is stopped meanwhile', async () => {
    const made = await failed(1)
    const run = await made.sender.replay({ state: 'failed' })
    const waiting = run.wait().catch((error: Error) => error)
    await quiet()
    await made.sender.stop()
    made.clock.advanceBy(1_000)
    expect(await waiting).toMatchObject({ code: 'stopped' })
  })

  it('progress tells again and again until the end', async () => {
    const made = await failed(3)
    const run = await made.sender.replay({ state: 'failed' })
    const seen: ReplayProgress[] = []
    const following = (async () => {
      for await (const progress of run.progress()) seen.push(progress)
    })()
    await quiet()
    expect(seen).toEqual([
      { state: 'running', total: 3, requeued: 0, skipped: 0, delivered: 0, failed: 0, canceled: 0 },
    ])
    await made.sender.start()
    await through(made.clock, following)
    expect(seen.at(-1)).toMatchObject({ state: 'completed', requeued: 3, delivered: 3 })
  })
})
