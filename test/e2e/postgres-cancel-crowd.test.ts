/** Events are canceled while a crowd accepts, fans out, claims, settles, gives back and backfills. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Lease } from '../../src/model/delivery.ts'
import type { NewEvent, Storage } from '../../src/ports/storage.ts'
import { postgres } from '../../src/storage/postgres/index.ts'
import {
  addEndpoint,
  delivered,
  deliveriesOf,
  type EventChoices,
  NOW,
  newEvent,
  rejected,
  versionOf,
} from '../../src/testing/storage-suite/fixtures.ts'
import { type Server, startServer } from '../support/postgres/server.ts'

const ENDPOINTS = ['ep_a', 'ep_b', 'ep_c', 'ep_d']
/** Gets all events by backfills. */
const LATE = 'ep_late'
const EVENTS = 50
const KEYS = 3
const WORKER = 'wrk_a'
const UNTIL = NOW + 60_000

let server: Server
const schema = `cancel_crowd_${process.pid}`
const open: { close(): Promise<void> }[] = []

beforeAll(async () => {
  server = await startServer()
}, 60_000)

afterAll(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
  await server?.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  await server?.stop()
})

async function connect(): Promise<Storage> {
  const pool = new Pool({ connectionString: server.url, max: 8 })
  open.push({ close: () => pool.end() })
  const storage = postgres({ pool, schema })
  await storage.open({ now: NOW })
  open.push(storage)
  return storage
}

async function numberOf(sql: string): Promise<number> {
  const [row] = await server.query<{ count: string }>(sql)
  return Number(row?.count)
}

const deadlocks = () => numberOf('SELECT sum(deadlocks) AS count FROM pg_stat_database')
const left = () =>
  numberOf(`SELECT (SELECT count(*) FROM ${schema}.hookferry_event WHERE fan_cursor IS NOT NULL)
    + (SELECT count(*) FROM ${schema}.hookferry_delivery WHERE state IN (0, 1, 5)) AS count`)

/** What happened, and what must not have. */
class Account {
  readonly wrong: string[] = []
  /** Events of which a cancellation is over. */
  readonly canceled = new Set<string>()
  /** Deliveries that were leased once. */
  readonly leased = new Set<string>()
  accepted = 0
}

const idOf = (n: number) => `evt_${n}`
const isCanceled = (n: number) => n % 5 < 2
const CANCELED = Array.from({ length: EVENTS }, (_, n) => n)
  .filter(isCanceled)
  .map(idOf)

/** Every fourth event fans out in the background, every third has no ordering key; some want to be leased at once. */
function choicesOf(n: number, endpointsVersion: number): EventChoices {
  return {
    id: idOf(n),
    to: ENDPOINTS,
    endpointsVersion,
    ...(n % 3 === 0 ? {} : { orderingKey: `key ${n % KEYS}` }),
    ...(n % 4 === 0 ? { fanOut: 'background' as const } : {}),
    ...(n % 2 === 0 ? { leaseUntil: UNTIL } : {}),
  }
}

async function accept(storage: Storage, account: Account, version: number): Promise<void> {
  while (account.accepted < EVENTS) {
    const n = account.accepted++
    const leases = await offered(storage, await newEvent(storage, choicesOf(n, version)))
    const canceling = isCanceled(n) ? cancel(storage, account, idOf(n)) : null
    await Promise.all([canceling, bringBack(storage, account, leases)])
  }
}

async function offered(storage: Storage, event: NewEvent): Promise<Lease[]> {
  const [result] = await storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
  if (result?.status === 'fan_out_waits') return offered(storage, { ...event, fanOut: 'background' })
  return result?.status === 'inserted' ? result.leases : []
}

async function deliver(storage: Storage, account: Account): Promise<void> {
  const canceled = new Set(account.canceled)
  const lanes = await storage.dueLanes({ now: NOW, limit: 3, exclude: [] })
  const room = lanes.map(({ endpointId }) => ({ endpointId, limit: 3, leaseUntil: UNTIL }))
  const claimed = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  for (const { lease } of claimed) {
    if (canceled.has(lease.eventId)) account.wrong.push(`${lease.eventId} was claimed after its cancellation`)
  }
  const leases = claimed.map(({ lease }) => lease)
  await bringBack(storage, account, leases)
  await fanOut(storage)
  if (claimed.length === 0) await sleep(2)
}

/** Of first leases one in four is given back, and of first attempts one is to be repeated. */
async function bringBack(storage: Storage, account: Account, leases: Lease[]): Promise<void> {
  if (leases.length === 0) return
  const back = leases.filter(({ deliveryId }, index) => index % 4 === 0 && !account.leased.has(deliveryId))
  for (const { deliveryId } of leases) account.leased.add(deliveryId)
  await storage.releaseLeases({ now: NOW, worker: WORKER, leases: back })
  const settlements = leases
    .filter((lease) => !back.includes(lease))
    .map((lease, index) => (lease.claim === 1 && index % 4 === 1 ? rejected(lease, NOW) : delivered(lease)))
  const { statuses } = await storage.settle({ now: NOW, settlements })
  for (const status of statuses) {
    if (status !== 'applied' && status !== 'canceled') account.wrong.push(`a settlement is ${status}`)
  }
}

/** One endpoint a slice. */
async function fanOut(storage: Storage): Promise<void> {
  for (const { event, cursor } of await storage.pendingFanOuts({ limit: 4 })) {
    const next = ENDPOINTS.find((id) => id > cursor)!
    const deliveries = [{ endpointId: next, dueAt: NOW, leaseUntil: null }]
    const to = next === ENDPOINTS.at(-1) ? null : next
    await storage.insertSlice({ now: NOW, eventId: event.id, from: cursor, to, deliveries })
  }
}

/** Two deliveries a call. */
async function cancel(storage: Storage, account: Account, id: string): Promise<void> {
  const which = { id, tenant: null, now: NOW, limit: 2 }
  let left = which.limit
  while (left === which.limit) left = (await storage.cancelEvent(which))?.canceled.length ?? 0
  for (const { state, reason } of await deliveriesOf(storage, id)) {
    const isOpen = state === 'pending' || (state === 'leased' && reason !== 'event_canceled')
    if (isOpen) account.wrong.push(`a delivery of ${id} is ${state} after its cancellation`)
  }
  account.canceled.add(id)
}

async function backfill(storage: Storage, turn: number): Promise<void> {
  const replayId = `rpl_${turn}`
  const selection = { endpointId: LATE }
  const begun = { id: replayId, kind: 'backfill' as const, selection, perSecond: null, total: 0, now: NOW }
  let replay = await storage.createReplay(begun)
  while (replay.state === 'running') {
    const { cursor: from, bound } = replay
    const found = await storage.missedEvents({ selection, after: from, bound, limit: 5, examine: 50 })
    const eventIds = found.events.map(({ id }) => id)
    const after = await storage.insertBackfill({ replayId, now: NOW, from, to: found.next, eventIds })
    if (after === null) throw new Error('the backfill is gone')
    replay = after
  }
}

it('nothing of it is delivered afterwards, and all else is', { timeout: 90_000 }, async () => {
  const storages = [await connect(), await connect()]
  const [first] = storages
  for (const id of [...ENDPOINTS, LATE]) await addEndpoint(first!, id)
  const version = await versionOf(first!)
  const before = await deadlocks()
  const account = new Account()

  let over = false
  let turns = 0
  const until = (work: (storage: Storage, turn: number) => Promise<void>, count: number) =>
    storages.flatMap((storage) =>
      Array.from({ length: count }, async () => {
        while (!over) await work(storage, turns++)
      }),
    )
  const working = [
    ...until((storage) => deliver(storage, account), 3),
    ...until((storage, turn) => backfill(storage, turn), 1),
  ]
  await Promise.all([...storages, ...storages].map((storage) => accept(storage, account, version)))
  await expect.poll(left, { timeout: 60_000, interval: 100 }).toBe(0)
  over = true
  await Promise.all(working)
  await backfill(first!, turns)
  while ((await left()) > 0) await deliver(first!, account)

  expect(account.wrong).toEqual([])
  expect((await deadlocks()) - before).toBe(0)
  expect([...account.canceled].sort()).toEqual([...CANCELED].sort())
  const rows = await server.query<{ id: string; states: number[] }>(`SELECT e.id, array_agg(d.state) AS states
    FROM ${schema}.hookferry_event AS e JOIN ${schema}.hookferry_delivery AS d ON d.event_key = e.key
    WHERE e.canceled_at IS NULL GROUP BY e.id`)
  // All others were delivered to all endpoints, and to the late one.
  expect(rows).toHaveLength(EVENTS - CANCELED.length)
  for (const { states } of rows) expect(states).toEqual([...ENDPOINTS, LATE].map(() => 2))
})
