/** An event is canceled beside what others do with it: nothing is delivered after it, and nobody waits in a circle. */
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ReplayRecord } from '../../src/model/replay.ts'
import type { Storage } from '../../src/ports/storage.ts'
import { postgres } from '../../src/storage/postgres/index.ts'
import { insertEventIn } from '../../src/storage/postgres/insert-event-in.ts'
import { settingsOf } from '../../src/storage/postgres/options.ts'
import {
  addEndpoint,
  cancelEvent,
  claim,
  claimedEvents,
  claimOne,
  delivered,
  deliveriesOf,
  NOW,
  newTxEvent,
  offer,
  rejected,
  send,
  sendOne,
  settleAll,
} from '../../src/testing/storage-suite/fixtures.ts'
import { type Server, startServer } from '../support/postgres/server.ts'

const LATER = NOW + 1_000
const WORKER = 'wrk_a'

let server: Server
const schema = `cancel_${process.pid}`
let storage: Storage
const clients: Client[] = []

beforeAll(async () => {
  server = await startServer()
  storage = postgres({ connectionString: server.url, schema })
  await storage.open({ now: NOW })
}, 60_000)

afterEach(async () => {
  for (const one of clients.splice(0)) await one.end()
  const tables = ['tenant', 'line', 'endpoint', 'lane', 'event', 'idempotency', 'delivery', 'attempt', 'replay']
  await server.query(`TRUNCATE ${tables.map((name) => `${schema}.hookferry_${name}`).join(', ')}`)
})

afterAll(async () => {
  await storage?.close()
  await server?.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  await server?.stop()
})

async function client(): Promise<Client> {
  const one = new Client({ connectionString: server.url })
  await one.connect()
  clients.push(one)
  return one
}

/** Stops whoever comes to this row, until the returned function is called. */
async function hold(table: 'lane' | 'line' | 'delivery'): Promise<() => Promise<unknown>> {
  const one = await client()
  await one.query('BEGIN')
  await one.query(`SELECT 1 FROM ${schema}.hookferry_${table} FOR UPDATE`)
  return () => one.query('ROLLBACK')
}

/** Until so many transactions of ours wait for a lock. */
async function waiting(count: number): Promise<void> {
  const look = async () => {
    const rows = await server.query(
      `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%${schema}%'`,
    )
    return rows.length
  }
  await expect.poll(look, { timeout: 5_000, interval: 10 }).toBe(count)
}

/** Stops the first where it comes to this row, lets the second run into it, and then lets both go on. */
async function oneInTheOther<A, B>(
  table: Parameters<typeof hold>[0],
  first: () => Promise<A>,
  second: () => Promise<B>,
): Promise<[A, B]> {
  const release = await hold(table)
  const one = first()
  await waiting(1)
  const other = second()
  await waiting(2)
  await release()
  return Promise.all([one, other])
}

const cancel = () => cancelEvent(storage, { id: 'evt_a', now: LATER })
const slice = (from = '', to = 'ep_a') => {
  const deliveries = [{ endpointId: to, dueAt: NOW, leaseUntil: null }]
  return storage.insertSlice({ now: NOW, eventId: 'evt_a', from, to, deliveries })
}
const statesOf = async (id: string) => (await deliveriesOf(storage, id)).map(({ state, reason }) => [state, reason])

/** All its deliveries, so many; and their lanes are empty. */
async function isCanceled(count: number): Promise<void> {
  expect(await statesOf('evt_a')).toEqual(Array.from({ length: count }, () => ['canceled', 'event_canceled']))
  expect(await storage.nextDueAt()).toBeNull()
}

/** Retention of those without deliveries. */
const EVENTS_ONLY = { now: LATER, deliveredBefore: LATER, failedBefore: NOW }

describe('canceled while a slice of its fan-out is written', () => {
  beforeEach(async () => {
    await addEndpoint(storage, 'ep_a')
    await offer(storage, { id: 'evt_a', fanOut: 'background' })
  })

  it('before the cancellation: its deliveries are canceled with the others', async () => {
    const [written, canceled] = await oneInTheOther('lane', slice, cancel)
    expect([written, canceled.canceled.length]).toEqual([true, 1])
    await isCanceled(1)
    expect(await storage.pendingFanOuts({ limit: 9 })).toEqual([])
    expect(await storage.prune({ ...EVENTS_ONLY, limit: 9 })).toBe(0)
  })

  it('after it: it is refused', async () => {
    await slice()
    await addEndpoint(storage, 'ep_b')
    const next = () => slice('ep_a', 'ep_b')
    const [canceled, written] = await oneInTheOther('lane', cancel, next)
    expect([written, canceled.canceled.length]).toEqual([false, 1])
    await isCanceled(1)
  })

  it('without a delivery: retention finds it', async () => {
    await cancel()
    expect(await storage.prune({ ...EVENTS_ONLY, limit: 9 })).toBe(1)
  })
})

describe('canceled while a delivery is claimed', () => {
  beforeEach(async () => {
    await addEndpoint(storage, 'ep_a')
    await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
  })

  it('before the cancellation: it is marked, and not repeated', async () => {
    const [claimed, canceled] = await oneInTheOther('line', () => claim(storage, 'ep_a'), cancel)
    expect(canceled.canceled).toEqual([])
    const lease = claimed[0]!.lease
    expect(await statesOf('evt_a')).toEqual([['leased', 'event_canceled']])
    expect((await settleAll(storage, [rejected(lease, LATER)], LATER)).statuses).toEqual(['canceled'])
    await isCanceled(1)
  })

  it('after it: there is nothing to claim', async () => {
    const [canceled, claimed] = await oneInTheOther('delivery', cancel, () => claim(storage, 'ep_a'))
    expect([canceled.canceled.length, claimed]).toEqual([1, []])
  })
})

it('canceled while a crowd is claimed: fewer than the limit only where none is left', async () => {
  const ids = Array.from({ length: 103 }, (_, n) => `ep_${n}`)
  await Promise.all(ids.map((id) => addEndpoint(storage, id)))
  await send(storage, { id: 'evt_a', to: ids })
  const room = ids.slice(0, 101).map((endpointId) => ({ endpointId, limit: 1, leaseUntil: LATER }))
  const claimMost = () => storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  const cancelOne = () => cancelEvent(storage, { id: 'evt_a', limit: 1 })
  const [claimed, canceled] = await oneInTheOther('line', claimMost, cancelOne)
  expect([claimed.length, canceled.canceled.length]).toEqual([101, 1])
  expect((await cancel()).canceled).toHaveLength(1)
  const counts = { open: 101, delivered: 0, failed: 0, canceled: 2 }
  expect(await storage.eventProgress({ id: 'evt_a', tenant: null })).toMatchObject({ counts })
})

describe('canceled while a delivery is given back', () => {
  beforeEach(() => addEndpoint(storage, 'ep_a'))

  it.each(['settle', 'release'] as const)('by %s before the cancellation: it is canceled as pending', async (way) => {
    const back = await leasedBack(way)
    const [, canceled] = await oneInTheOther('line', back, cancel)
    expect(canceled.canceled).toHaveLength(1)
    await isCanceled(1)
  })

  it.each(['settle', 'release'] as const)('by %s after it: it is canceled instead of pending', async (way) => {
    const back = await leasedBack(way)
    const [canceled] = await oneInTheOther('delivery', cancel, back)
    expect(canceled.canceled).toEqual([])
    await isCanceled(1)
  })

  it('delivered: it stays so', async () => {
    await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
    const lease = await claimOne(storage, 'ep_a')
    const settle = () => settleAll(storage, [delivered(lease)])
    const [settled, canceled] = await oneInTheOther('delivery', settle, cancel)
    expect([settled.statuses, canceled.canceled]).toEqual([['applied'], []])
    expect(await statesOf('evt_a')).toEqual([['delivered', null]])
  })

  /** What gives a leased delivery back. */
  async function leasedBack(way: 'settle' | 'release'): Promise<() => Promise<unknown>> {
    await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
    const lease = await claimOne(storage, 'ep_a')
    return way === 'settle'
      ? () => settleAll(storage, [rejected(lease, NOW)])
      : () => storage.releaseLeases({ now: NOW, worker: WORKER, leases: [lease] })
  }
})

describe('canceled while a backfill writes a delivery of it', () => {
  let backfill: () => Promise<ReplayRecord | null>

  beforeEach(async () => {
    await addEndpoint(storage, 'ep_a')
    await send(storage, { id: 'evt_a', to: ['ep_a'] })
    await addEndpoint(storage, 'ep_late')
    const { cursor } = await beginBackfill('rpl_a')
    const step = { replayId: 'rpl_a', now: NOW, from: cursor, to: null, eventIds: ['evt_a'] }
    backfill = () => storage.insertBackfill(step)
  })

  it('before the cancellation: it is canceled with the others', async () => {
    const [after, canceled] = await oneInTheOther('lane', backfill, cancel)
    expect([after?.requeued, canceled.canceled.length]).toEqual([1, 2])
    await isCanceled(2)
  })

  it('after it: the event is passed over', async () => {
    const [canceled, after] = await oneInTheOther('lane', cancel, backfill)
    expect([canceled.canceled.length, after?.requeued, after?.skipped]).toEqual([1, 0, 1])
    await isCanceled(1)
  })
})

it('the head of an ordering key is canceled while another gets in line: that one is the head', async () => {
  await addEndpoint(storage, 'ep_a')
  await sendOne(storage, { id: 'evt_a', to: ['ep_a'], orderingKey: 'key' })
  const next = () => offer(storage, { id: 'evt_b', to: ['ep_a'], orderingKey: 'key' })
  await oneInTheOther('delivery', cancel, next)
  expect(await claimedEvents(storage, 'ep_a')).toEqual(['evt_b'])
})

describe('an event of a transaction of the host that is still open', () => {
  let host: Client

  beforeEach(async () => {
    host = await client()
    await host.query('BEGIN')
    await insertIn(host, 'evt_late')
  })

  it('is not found and not waited for, and is canceled once it is committed', async () => {
    const which = { id: 'evt_late', tenant: null, now: LATER, limit: 9 }
    expect(await storage.cancelEvent(which)).toBeNull()
    await host.query('COMMIT')
    expect(await storage.cancelEvent(which)).toMatchObject({ event: { canceledAt: LATER } })
    expect(await storage.pendingFanOuts({ limit: 9 })).toEqual([])
  })

  it('is found by a backfill that has not come to its place, and by the next one otherwise', async () => {
    await offer(storage, { id: 'evt_b', now: NOW + 5 })
    await addEndpoint(storage, 'ep_late', 'default', NOW + 9)
    const { cursor: after, bound } = await beginBackfill('rpl_a')
    const look = (place: typeof after) =>
      storage.missedEvents({ selection: { endpointId: 'ep_late' }, after: place, bound, limit: 9, examine: 9 })
    const idsOf = async (place: typeof after) => (await look(place)).events.map(({ id }) => id)

    expect(await idsOf(after)).toEqual(['evt_b'])
    await host.query('COMMIT')
    expect(await idsOf({ at: NOW + 4, key: 0 })).toEqual(['evt_b'])
    expect(await idsOf(after)).toEqual(['evt_late', 'evt_b'])
  })
})

function beginBackfill(id: string): Promise<ReplayRecord> {
  const selection = { endpointId: 'ep_late' }
  return storage.createReplay({ id, kind: 'backfill', selection, perSecond: null, total: 1, now: NOW })
}

async function insertIn(host: Client, id: string): Promise<void> {
  const input = { now: NOW, event: await newTxEvent(storage, { id }) }
  const settings = settingsOf({ connectionString: server.url, schema })
  await insertEventIn((text, values) => host.query(text, values), settings, input)
}
