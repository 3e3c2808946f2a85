/** What is held, and what is old, costs the others nothing that can be measured; a slice of upkeep stays a slice. */
import { expect, test, vi } from 'vitest'
import type { Storage } from '../../../src/ports/storage.ts'
import { Connection } from '../../../src/storage/sqlite/connection.ts'
import { addEndpoint, freshPath, NOW, newEvent, openStorage, pendingFor, settlementOf, WORKER } from './fixtures.ts'

const HELD = 20_000
const BATCH = 500

async function fill(storage: Storage, endpointId: string, count: number, endpointsVersion: number): Promise<void> {
  for (let start = 0; start < count; start += BATCH) {
    const events = Array.from({ length: Math.min(BATCH, count - start) }, (_, index) =>
      newEvent(`evt_${endpointId}_${start + index}`, { ...pendingFor(endpointId), endpointsVersion }),
    )
    await storage.insertEvents({ now: NOW, worker: WORKER, events })
  }
}

async function fastest(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
  }
  return Math.min(...times)
}

test('20,000 held deliveries: others are found and claimed at once, and upkeep passes them by', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_held')
  await addEndpoint(storage, 'ep_live')
  const pause = {
    id: 'ep_held',
    tenant: null,
    from: ['active' as const],
    to: 'paused' as const,
    reason: null,
    guard: null,
  }
  await storage.changeEndpointState({ ...pause, now: NOW })
  await fill(storage, 'ep_held', HELD, 3)
  await fill(storage, 'ep_live', 500, 3)

  const room = [{ endpointId: 'ep_live', limit: 100, leaseUntil: NOW + 1_000 }]
  expect(await storage.dueLanes({ now: NOW, limit: 100, exclude: [] })).toMatchObject([{ endpointId: 'ep_live' }])
  expect(await fastest(() => storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] }))).toBeLessThan(50)
  expect(await fastest(() => storage.dueLanes({ now: NOW, limit: 100, exclude: [] }))).toBeLessThan(5)
  expect(await fastest(() => storage.cancelHeld({ now: NOW, heldBefore: NOW, limit: 100 }))).toBeLessThan(5)
  expect(await fastest(() => storage.nextDueAt())).toBeLessThan(5)
  expect(await storage.stats({ now: NOW, countMax: 1_000 })).toMatchObject({ pending: 1_000, held: 1_000, leased: 500 })
})

test('20,000 events that an endpoint has: a look for those that it misses stays a look', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  await fill(storage, 'ep_1', HELD, 1)
  const query = { selection: { endpointId: 'ep_1' }, after: null, bound: null, limit: 100, examine: 100 }
  const { events, next } = await storage.missedEvents(query)
  expect([events, next]).toEqual([[], { at: NOW, key: 100 }])
  expect(await fastest(() => storage.missedEvents(query))).toBeLessThan(5)
})

test('prune removes no more rows than it may, over all tables, until nothing is left', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  await fill(storage, 'ep_1', 40, 1)
  const room = [{ endpointId: 'ep_1', limit: 100, leaseUntil: NOW + 1_000 }]
  const claimed = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  const settlements = claimed.map((one) => settlementOf(one, { state: 'delivered', reason: null, endedAt: NOW }))
  await storage.settle({ now: NOW, settlements })

  const removed: number[] = []
  do {
    removed.push(await storage.prune({ now: NOW, deliveredBefore: NOW + 1, failedBefore: 0, limit: 17 }))
  } while (removed.at(-1) !== 0)
  expect(Math.max(...removed)).toBe(17)
  // An event, a delivery and an attempt each.
  expect(removed.reduce((sum, count) => sum + count, 0)).toBe(120)
  const rest = await storage.listEvents({
    tenant: null,
    type: null,
    since: null,
    until: null,
    limit: 5,
    examine: 5,
    after: null,
  })
  expect(rest).toEqual({ items: [], next: null })
})

test('a success at a healthy endpoint writes no lane', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  const leased = { deliveries: [{ endpointId: 'ep_1', dueAt: NOW, leaseUntil: NOW + 1_000 }] }
  const [inserted] = await storage.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_1', leased)] })
  if (inserted?.status !== 'inserted') throw new Error('not inserted')
  const run = vi.spyOn(Connection.prototype, 'run')
  const [lease] = inserted.leases
  const content = { id: 'evt_1', type: 't', contentType: '', body: new Uint8Array(), headers: {}, createdAt: NOW }
  const settlement = settlementOf({ lease: lease!, event: content }, { state: 'delivered', reason: null, endedAt: NOW })
  await storage.settle({ now: NOW, settlements: [settlement] })
  const written = run.mock.calls.map(([sql]) => sql.trim().split(/\s+/).slice(0, 3).join(' '))
  run.mockRestore()
  expect(written).toEqual(['BEGIN IMMEDIATE', 'UPDATE {delivery} SET', 'INSERT INTO {attempt}', 'COMMIT'])
})
