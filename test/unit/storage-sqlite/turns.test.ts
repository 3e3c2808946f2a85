/** Turns of one ordering key at one endpoint, where the contract suite does not look: costs, marks and crowds. */
import { expect, test, vi } from 'vitest'
import type { NewEvent, Storage } from '../../../src/ports/storage.ts'
import { Connection } from '../../../src/storage/sqlite/connection.ts'
import {
  addEndpoint,
  freshPath,
  NOW,
  newEvent,
  openRaw,
  openStorage,
  pendingFor,
  settlementOf,
  WORKER,
} from './fixtures.ts'

const room = [{ endpointId: 'ep_1', limit: 9, leaseUntil: NOW + 1_000 }]

function ordered(id: string, dueAt = NOW, orderingKey = 'order_1'): NewEvent {
  const made = newEvent(id, { deliveries: [{ endpointId: 'ep_1', dueAt, leaseUntil: null }] })
  return { ...made, event: { ...made.event, orderingKey } }
}

async function insert(storage: Storage, ...events: NewEvent[]): Promise<void> {
  const results = await storage.insertEvents({ now: NOW, worker: WORKER, events })
  expect(results.map(({ status }) => status)).toEqual(events.map(() => 'inserted'))
}

async function pause(storage: Storage): Promise<void> {
  const change = {
    id: 'ep_1',
    tenant: null,
    from: ['active' as const],
    to: 'paused' as const,
    reason: null,
    guard: null,
  }
  await storage.changeEndpointState({ ...change, now: NOW })
}

const listPending = async (storage: Storage) => {
  const page = await storage.listDeliveries({ selection: { states: ['pending'] }, limit: 9, examine: 99, after: null })
  return page.items.map(({ eventId, nextAttemptAt }) => [eventId, nextAttemptAt])
}

test('unordered events cost no statement more', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  const spies = (['run', 'get', 'all'] as const).map((method) => vi.spyOn(Connection.prototype, method))
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_1', pendingFor('ep_1'))] })
  const [claimed] = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  const settlement = settlementOf(claimed!, { state: 'delivered', reason: null, endedAt: NOW })
  await storage.settle({ now: NOW, settlements: [settlement] })
  const ran = spies.flatMap((spy) => spy.mock.calls.map(([sql]) => sql))
  vi.restoreAllMocks()
  expect(ran.length).toBeGreaterThan(15)
  expect(ran.filter((sql) => /turns|waiting|AS orderingKey/.test(sql))).toEqual([])
})

test('a lane with nothing but what waits has no place in line; held, it has one for the time that it is held', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  await insert(storage, ordered('evt_1'), ordered('evt_2', NOW - 50), ordered('evt_3', NOW + 50))
  await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  const raw = openRaw(path)
  const places = () => raw.get('SELECT ready_at AS readyAt, hold_at AS holdAt FROM {lane}')
  expect(places()).toEqual({ readyAt: null, holdAt: null })
  expect(await storage.stats({ now: NOW, countMax: 9 })).toMatchObject({
    pending: 2,
    held: 0,
    leased: 1,
    oldestDueAt: null,
  })

  await pause(storage)
  expect(places()).toEqual({ readyAt: null, holdAt: NOW })
  expect(await storage.stats({ now: NOW, countMax: 9 })).toMatchObject({ pending: 2, held: 2 })
  expect(await storage.cancelHeld({ now: NOW + 9, heldBefore: NOW + 9, limit: 9 })).toMatchObject([
    { eventId: 'evt_2' },
  ])
  expect(places()).toEqual({ readyAt: null, holdAt: NOW + 50 })
})

test('what waits in a lane at rest is held, without a place in line', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  await insert(storage, ordered('evt_1'), ordered('evt_2'), ordered('evt_3', NOW, 'order_2'))
  const [, other] = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  const settlement = settlementOf(other!, { state: 'failed', reason: 'attempts_exhausted', endedAt: NOW })
  await storage.settle({ now: NOW, settlements: [{ ...settlement, blockLaneUntil: NOW + 500 }] })
  expect(await storage.stats({ now: NOW, countMax: 9 })).toMatchObject({ pending: 1, held: 1, leased: 1 })
  expect(await storage.stats({ now: NOW + 500, countMax: 9 })).toMatchObject({ pending: 1, held: 0, leased: 1 })
})

test('a promotion in a held lane moves the time from which it is held', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await addEndpoint(storage, 'ep_1')
  await insert(storage, ordered('evt_1'), ordered('evt_2'))
  const [head] = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  await pause(storage)
  const settlement = settlementOf(head!, { state: 'delivered', reason: null, endedAt: NOW + 7 })
  expect(await storage.settle({ now: NOW + 7, settlements: [settlement] })).toMatchObject({ promotedDueAt: NOW + 7 })
  expect(openRaw(path).get('SELECT hold_at AS holdAt FROM {lane}')).toEqual({ holdAt: NOW + 7 })
})

test('in steps of one, cancelHeld takes whoever is over, head or not, and turns pass to those that stay', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  // The head of order_1 is due later than those behind it; that of order_2 makes way for one due later.
  await insert(storage, ordered('evt_1', NOW + 90), ordered('evt_2', NOW + 1), ordered('evt_3', NOW + 2))
  await insert(storage, ordered('evt_4', NOW + 3, 'order_2'), ordered('evt_5', NOW + 80, 'order_2'))
  await pause(storage)
  const canceled: string[] = []
  for (;;) {
    const step = await storage.cancelHeld({ now: NOW + 50, heldBefore: NOW + 50, limit: 1 })
    if (step.length === 0) break
    canceled.push(...step.map(({ eventId }) => eventId))
  }
  expect(canceled.sort()).toEqual(['evt_2', 'evt_3', 'evt_4'])
  expect(await listPending(storage)).toEqual([
    ['evt_5', NOW + 80],
    ['evt_1', NOW + 90],
  ])
})

test('ten thousand that wait for one key: the head is found, settled and followed at once', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  for (let start = 0; start < 10_000; start += 500) {
    await insert(storage, ...Array.from({ length: 500 }, (_, index) => ordered(`evt_${start + index}`)))
  }
  const times: number[] = []
  for (let turn = 0; turn < 20; turn++) {
    const start = performance.now()
    const claimed = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
    expect(claimed.map(({ event }) => event.id)).toEqual([`evt_${turn}`])
    const settlement = settlementOf(claimed[0]!, { state: 'delivered', reason: null, endedAt: NOW })
    expect(await storage.settle({ now: NOW, settlements: [settlement] })).toMatchObject({ promotedDueAt: NOW })
    times.push(performance.now() - start)
  }
  expect(Math.min(...times)).toBeLessThan(10)
})

test('a thousand fan-outs of one key are one to look at', async () => {
  const storage = await openStorage(freshPath())
  await addEndpoint(storage, 'ep_1')
  const events = Array.from({ length: 1_000 }, (_, index) => ({
    ...ordered(`evt_${index}`),
    fanOut: 'background' as const,
  }))
  await insert(storage, ...events)
  for (const turn of [0, 1, 2]) {
    const eventId = `evt_${turn}`
    expect(await storage.pendingFanOuts({ limit: 9 })).toMatchObject([{ event: { id: eventId } }])
    await storage.insertSlice({ now: NOW, eventId, from: '', to: 'ep_1', ...pendingFor('ep_1') })
    expect(await storage.pendingFanOuts({ limit: 9 })).toMatchObject([{ event: { id: eventId }, cursor: 'ep_1' }])
    await storage.insertSlice({ now: NOW, eventId, from: 'ep_1', to: null, deliveries: [] })
  }
})
