/** Canceled events and backfills, where the contract suite does not look: places of lanes, marks of events, and crowds. */
import { expect, test } from 'vitest'
import type { NewEvent, Storage } from '../../../src/ports/storage.ts'
import { addEndpoint, freshPath, NOW, newEvent, openRaw, openStorage, pendingFor, WORKER } from './fixtures.ts'

function ordered(id: string, endpointId: string, dueAt = NOW, over: Partial<NewEvent> = {}): NewEvent {
  const made = newEvent(id, { deliveries: [{ endpointId, dueAt, leaseUntil: null }], endpointsVersion: 2, ...over })
  return { ...made, event: { ...made.event, orderingKey: 'order_1' } }
}

async function insert(storage: Storage, ...events: NewEvent[]): Promise<void> {
  const results = await storage.insertEvents({ now: NOW, worker: WORKER, events })
  expect(results.map(({ status }) => status)).toEqual(events.map(() => 'inserted'))
}

function cancel(storage: Storage, id: string, limit = 100) {
  return storage.cancelEvent({ id, tenant: null, now: NOW + 9, limit })
}

async function pause(storage: Storage, id: string): Promise<void> {
  const change = { id, tenant: null, from: ['active' as const], to: 'paused' as const, reason: null, guard: null }
  await storage.changeEndpointState({ ...change, now: NOW })
}

test('each lane has its exact place once its delivery is canceled, open or held', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  for (const id of ['ep_open', 'ep_held']) await addEndpoint(storage, id)
  const both = { deliveries: [], endpointsVersion: 2 }
  const to = (dueAt: number) => ['ep_open', 'ep_held'].map((endpointId) => ({ endpointId, dueAt, leaseUntil: null }))
  await insert(
    storage,
    newEvent('evt_1', { ...both, deliveries: to(NOW) }),
    newEvent('evt_2', { ...both, deliveries: to(NOW + 50) }),
    ordered('evt_3', 'ep_held', NOW + 70),
    ordered('evt_4', 'ep_held', NOW + 20),
  )
  await pause(storage, 'ep_held')
  const raw = openRaw(path)
  const places = () => raw.all('SELECT ready_at AS readyAt, hold_at AS holdAt FROM {lane} ORDER BY endpoint_key')
  const place = (readyAt: number | null, holdAt: number | null) => [
    { readyAt, holdAt: null },
    { readyAt: null, holdAt },
  ]
  expect(places()).toEqual(place(NOW, NOW))
  await cancel(storage, 'evt_1')
  expect(places()).toEqual(place(NOW + 50, NOW + 20))
  // One that waits counts for the time that its lane is held.
  await cancel(storage, 'evt_4')
  expect(places()).toEqual(place(NOW + 50, NOW + 50))
  await cancel(storage, 'evt_2')
  expect(places()).toEqual(place(null, NOW + 70))
  await cancel(storage, 'evt_3')
  expect(places()).toEqual(place(null, null))
  expect(raw.get('SELECT ready_at AS readyAt FROM {tenant}')).toEqual({ readyAt: null })
})

test('a canceled fan-out leaves no mark, and the next of its key is marked as having its turn', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  const background = { fanOut: 'background' as const, deliveries: [], endpointsVersion: 1 }
  await insert(storage, ...['evt_1', 'evt_2', 'evt_3'].map((id) => ordered(id, 'ep_1', NOW, background)))
  await storage.insertSlice({ now: NOW, eventId: 'evt_1', from: '', to: 'ep_1', ...pendingFor('ep_1') })
  const marks = () =>
    openRaw(path).all('SELECT fan_cursor AS cursor, fan_waits AS waits, bare FROM {event} ORDER BY key')
  const over = (bare: number) => ({ cursor: null, waits: 0, bare })
  await cancel(storage, 'evt_1')
  expect(marks()).toEqual([over(0), { cursor: '', waits: 0, bare: 0 }, { cursor: '', waits: 1, bare: 0 }])
  await cancel(storage, 'evt_3')
  expect(marks()).toEqual([over(0), { cursor: '', waits: 0, bare: 0 }, over(1)])
})

test('an event without deliveries is bare no more once one is backfilled, and again when that is pruned', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  await insert(storage, newEvent('evt_1'), newEvent('evt_2', pendingFor('ep_1')))
  const raw = openRaw(path)
  const bare = () => raw.all<{ bare: number }>('SELECT bare FROM {event} ORDER BY key').map((row) => row.bare)
  const backfill = { id: 'rpl_1', kind: 'backfill' as const, selection: { endpointId: 'ep_1' }, perSecond: null }
  const { cursor: from } = await storage.createReplay({ ...backfill, total: 1, now: NOW })
  expect(bare()).toEqual([1, 0])
  const eventIds = ['evt_1', 'evt_2']
  await storage.insertBackfill({ replayId: 'rpl_1', now: NOW, from, to: null, eventIds })
  expect(bare()).toEqual([0, 0])
  await cancel(storage, 'evt_1')
  const age = { now: NOW + 99, deliveredBefore: 0, failedBefore: NOW + 99, limit: 1 }
  expect(await storage.prune(age)).toBe(1)
  expect(bare()).toEqual([1, 0])
})

test('what is written for nobody in particular carries nothing of a replay', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  await insert(storage, newEvent('evt_1', pendingFor('ep_1')))
  const sql = 'SELECT replay_key AS replayKey, reason, ordering_key AS orderingKey FROM {delivery}'
  expect(openRaw(path).all(sql)).toEqual([{ replayKey: null, reason: null, orderingKey: null }])
})

test('beside 10,000 at rest the deliveries of an event that are left are found at once', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  await insert(storage, newEvent('evt_1', pendingFor('ep_1')))
  openRaw(path).run(
    `WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < 10000)
    INSERT INTO {delivery} (event_key, endpoint_key, tenant_key, state, claim, created_at, due_at, ended_at)
    SELECT d.event_key, 10000 + n, d.tenant_key, 4, 0, d.created_at - 1, d.due_at, d.created_at FROM series, {delivery} AS d`,
  )
  const first = await cancel(storage, 'evt_1')
  expect(first?.canceled).toMatchObject([{ endpointId: 'ep_1' }])
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    expect((await cancel(storage, 'evt_1'))?.canceled).toEqual([])
    await storage.eventProgress({ id: 'evt_1', tenant: null })
    times.push(performance.now() - start)
  }
  expect(Math.min(...times)).toBeLessThan(25)
})
