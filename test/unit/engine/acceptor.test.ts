import { afterEach, describe, expect, it } from 'vitest'
import { WebhookError } from '../../../src/errors.ts'
import type { InsertEventsInput, InsertResult } from '../../../src/ports/storage.ts'
import { memory } from '../../../src/storage/memory/index.ts'
import { seededRandom } from '../../../src/testing/seeded-random.ts'
import { createTestSender } from '../../../src/testing/test-sender.ts'
import { quiet, type Rig, rig, stopAll, through, URL_OK } from './rig.ts'

afterEach(stopAll)

const event = (more: object = {}) => ({ type: 'invoice.paid', data: 1, ...more })
const busy = () => new WebhookError('storage_busy', 'busy.', { retryable: true })
const gone = () => new WebhookError('storage_unavailable', 'connection lost.', { retryable: true })
const codes = async (sends: Promise<unknown>[]) =>
  (await Promise.allSettled(sends)).map((one) => (one.status === 'fulfilled' ? 'ok' : one.reason.code))
const batches = ({ storage }: Rig) =>
  storage.inputs
    .filter(({ method }) => method === 'insertEvents')
    .map(({ input }) => (input as InsertEventsInput).events.length)
const eventCount = async ({ sender }: Rig) => (await sender.events.list({ limit: 200 })).items.length

/** Storage that keeps every insert waiting until it is let go. */
function held(made: Rig): () => void {
  let release: () => void = () => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  made.storage.tamper('insertEvents', async (call) => {
    await gate
    return call()
  })
  return release
}

describe('a commit', () => {
  it('is shared by all that came at the same time, up to 128', async () => {
    const made = rig()
    await made.sender.health()
    await Promise.all(Array.from({ length: 300 }, () => made.sender.send(event())))
    expect(batches(made)).toEqual([128, 128, 44])
  })

  it('that one bad event spoils is tried in halves: the bad one fails alone', async () => {
    const made = rig()
    made.storage.tamper('insertEvents', async (call, input) => {
      const bad = (input as InsertEventsInput).events.some(({ event: one }) => one.type === 'bad')
      if (bad) throw new Error('of a constraint')
      return call()
    })
    const types = ['a', 'b', 'bad', 'c', 'd']
    const sends = types.map((type) => made.sender.send(event({ type })))
    const settled = await Promise.allSettled(sends)
    expect(settled.map(({ status }) => status === 'fulfilled')).toEqual([true, true, false, true, true])
    made.storage.heal()
    expect(await eventCount(made)).toBe(4)
  })

  it('that fails for the storage as a whole is not halved', async () => {
    const made = rig()
    made.storage.tamper('insertEvents', async () => {
      throw new WebhookError('storage_corrupt', 'damaged: restore a backup.')
    })
    const settled = await Promise.allSettled([1, 2, 3].map(() => made.sender.send(event())))
    const told = expect.objectContaining({ code: expect.stringMatching(/^storage_/) })
    expect(settled).toEqual(Array(3).fill({ status: 'rejected', reason: told }))
    expect(batches(made)).toEqual([3])
  })
})

describe('back-pressure', () => {
  it('refuses beyond its count, retryable, and accepts again when there is room', async () => {
    const made = rig({ acceptQueueMax: { count: 5 } })
    await made.sender.health()
    const release = held(made)
    const first = made.sender.send(event())
    await quiet(3)
    const rest = Array.from({ length: 8 }, () => made.sender.send(event()))
    const refused = await Promise.allSettled(rest.slice(5))
    expect(refused.map((one) => one.status === 'rejected' && one.reason)).toEqual(
      Array(3).fill(expect.objectContaining({ code: 'busy', retryable: true })),
    )
    release()
    expect(await codes([first, ...rest.slice(0, 5)])).toEqual(Array(6).fill('ok'))
    expect(await eventCount(made)).toBe(6)
    await made.sender.send(event())
  })

  it('refuses beyond its bytes', async () => {
    const made = rig({ acceptQueueMax: { bytes: 4_096 } })
    await made.sender.health()
    const release = held(made)
    const large = event({ data: 'x'.repeat(1_500) })
    const first = made.sender.send(large)
    await quiet(3)
    const sends = [first, made.sender.send(large), made.sender.send(large), made.sender.send(large)]
    const small = made.sender.send(event())
    await expect(sends[3]).rejects.toMatchObject({ code: 'busy' })
    release()
    expect(await codes([...sends, small])).toEqual(['ok', 'ok', 'ok', 'busy', 'ok'])
  })

  it('lets an event pass that is larger than the whole queue, alone', async () => {
    const made = rig({ acceptQueueMax: { bytes: 1_024 } })
    expect(await codes([made.sender.send(event({ data: 'x'.repeat(5_000) }))])).toEqual(['ok'])
  })
})

describe('a storage that is busy for too long', () => {
  it('ends in busy, and what was refused is never written', async () => {
    const made = rig({ acceptTimeoutMs: 1_000 })
    await made.sender.endpoints.create({ url: URL_OK })
    let free = false
    made.storage.tamper('insertEvents', async (call) => {
      if (!free) throw busy()
      return call()
    })
    const early = made.sender.send(event())
    await quiet()
    made.clock.advanceBy(600)
    const late = made.sender.send(event({ type: 'late' }))
    const refused = await through(made.clock, Promise.allSettled([early]))
    expect(refused[0]).toMatchObject({ reason: { code: 'busy', retryable: true } })
    free = true
    await through(made.clock, late)
    made.clock.advanceBy(60_000)
    await quiet()
    expect((await made.sender.events.list()).items.map(({ type }) => type)).toEqual(['late'])
  })

  it('does not wait for the whole time when storage is free again', async () => {
    const made = rig()
    await made.sender.health()
    let tries = 0
    made.storage.tamper('insertEvents', async (call) => {
      if (++tries < 4) throw busy()
      return call()
    })
    await through(made.clock, made.sender.send(event()))
    expect(tries).toBe(4)
    expect(made.clock.monotonic()).toBeLessThan(100)
  })
})

describe('a doubtful commit', () => {
  it('that was made is found, and is no duplicate', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK })
    let tries = 0
    made.storage.tamper('insertEvents', async (call) => {
      const answer = await call()
      if (++tries === 1) throw gone()
      return answer
    })
    const result = await through(made.clock, made.sender.send(event({ idempotencyKey: 'k' })))
    expect(result).toMatchObject({ duplicate: false, deliveries: 1 })
    expect(tries).toBe(2)
    await made.sender.drain()
    expect(made.requests).toHaveLength(1)
    expect(await eventCount(made)).toBe(1)
  })

  it('on the fast lane is attempted once, by a claim', async () => {
    const made = rig()
    await made.sender.endpoints.create({ url: URL_OK })
    await made.sender.start()
    await quiet()
    let tries = 0
    made.storage.tamper('insertEvents', async (call) => {
      const answer = await call()
      if (++tries === 1) throw gone()
      return answer
    })
    await through(made.clock, made.sender.send(event()))
    await quiet()
    expect(made.requests).toHaveLength(1)
    const [delivery] = (await made.sender.deliveries.list()).items
    expect(delivery).toMatchObject({ state: 'delivered', attemptCount: 1 })
  })

  it('that stays doubtful says that it is not known', async () => {
    const made = rig({ acceptTimeoutMs: 500 })
    await made.sender.health()
    made.storage.tamper('insertEvents', async () => {
      throw gone()
    })
    const failure = await through(
      made.clock,
      made.sender.send(event()).catch((error: Error) => error),
    )
    expect(failure).toMatchObject({ code: 'storage_unavailable', retryable: true })
    expect(String(failure)).toMatch(/may or may not/)
  })

  it('may become one that is merely busy, and stays doubtful all the same', async () => {
    const made = rig({ acceptTimeoutMs: 500 })
    await made.sender.health()
    let tries = 0
    made.storage.tamper('insertEvents', async () => {
      throw ++tries === 1 ? gone() : busy()
    })
    const failure = await through(
      made.clock,
      made.sender.send(event()).catch((error: Error) => error),
    )
    expect(failure).toMatchObject({ code: 'storage_unavailable' })
  })
})

describe('idempotency', () => {
  it('answers with the first event while the window lasts, and not beyond', async () => {
    const { sender, clock } = rig({ idempotencyMs: 60_000 })
    const given = event({ idempotencyKey: 'k' })
    const first = await sender.send(given)
    clock.advanceBy(59_999)
    expect(await sender.send(given)).toEqual({ id: first.id, duplicate: true, deliveries: 0 })
    await expect(sender.send({ ...given, data: 2 })).rejects.toMatchObject({ code: 'idempotency_conflict' })
    clock.advanceBy(1)
    const second = await sender.send({ ...given, data: 2 })
    expect(second.duplicate).toBe(false)
    expect(second.id).not.toBe(first.id)
  })

  it('is a tenant’s own', async () => {
    const { sender } = rig()
    const given = event({ idempotencyKey: 'k' })
    const ids = await Promise.all(['a', 'b'].map(async (tenant) => (await sender.send({ ...given, tenant })).id))
    expect(new Set(ids).size).toBe(2)
  })

  it('holds among events of one commit', async () => {
    const made = rig()
    const sends = [1, 1, 2].map((data) => made.sender.send(event({ data, idempotencyKey: 'k' })))
    const settled = await Promise.allSettled(sends)
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value.duplicate : one.reason.code))).toEqual([
      false,
      true,
      'idempotency_conflict',
    ])
    expect(batches(made)).toEqual([3])
  })

  it('by id: the same is a duplicate, another event a conflict', async () => {
    const { sender } = rig()
    expect(await sender.send(event({ id: 'own' }))).toEqual({ id: 'own', duplicate: false, deliveries: 0 })
    expect(await sender.send(event({ id: 'own' }))).toMatchObject({ id: 'own', duplicate: true })
    await expect(sender.send(event({ id: 'own', data: 2 }))).rejects.toMatchObject({ code: 'idempotency_conflict' })
    await expect(sender.send(event({ id: 'own', tenant: 'b' }))).rejects.toMatchObject({ code: 'idempotency_conflict' })
  })
})

describe('endpoints that changed elsewhere', () => {
  const two = async () => {
    const storage = memory()
    const here = rig({ storage })
    const there = createTestSender({ storage, runtime: { clock: here.clock, random: seededRandom(2) } }).sender
    return { here, there }
  }

  it('count from the next send', async () => {
    const { here, there } = await two()
    const a = await here.sender.endpoints.create({ url: URL_OK })
    expect(await here.sender.send(event())).toMatchObject({ deliveries: 1 })
    await there.endpoints.create({ url: URL_OK })
    expect(await here.sender.send(event())).toMatchObject({ deliveries: 2 })
    await there.endpoints.update(a.id, { eventTypes: ['other'] })
    expect(await here.sender.send(event())).toMatchObject({ deliveries: 1 })
    await there.endpoints.delete(a.id)
    expect(await here.sender.send(event({ type: 'other' }))).toMatchObject({ deliveries: 1 })
    await there.stop()
  })

  it('can be addressed as soon as they exist, and no longer than that', async () => {
    const { here, there } = await two()
    await here.sender.send(event())
    const { id } = await there.endpoints.create({ url: URL_OK, eventTypes: ['never'] })
    expect(await here.sender.send(event({ endpoints: [id] }))).toMatchObject({ deliveries: 1 })
    await there.endpoints.delete(id)
    await expect(here.sender.send(event({ endpoints: [id] }))).rejects.toMatchObject({ code: 'endpoint_not_found' })
    await there.stop()
  })

  it('in the middle of a bisected batch do not have an event attempted twice', async () => {
    const made = rig()
    await made.sender.endpoints.create({ tenant: 'a', url: URL_OK })
    await made.sender.start()
    await quiet()
    let calls = 0
    made.storage.tamper('insertEvents', async (call) => {
      calls += 1
      const results = (await call()) as InsertResult[]
      // The first call writes one event and sends the other back; the second fails for good, and is then halved.
      if (calls === 1) return results.map((result, index) => (index === 1 ? { status: 'endpoints_changed' } : result))
      throw new Error('of a constraint')
    })
    const sends = ['a', 'b'].map((tenant) => made.sender.send(event({ tenant })))
    const settled = await Promise.allSettled(sends)
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    await quiet()
    expect(made.requests).toHaveLength(1)
  })
})
