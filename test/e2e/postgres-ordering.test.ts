/** Many connections write, claim and settle deliveries of a few ordering keys: each key takes its turns one by one, in order. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Lease, NewEvent, Storage } from '../../src/ports/storage.ts'
import { postgres } from '../../src/storage/postgres/index.ts'
import {
  addEndpoint,
  delivered,
  type EventChoices,
  NOW,
  newEvent,
  rejected,
  versionOf,
} from '../../src/testing/storage-suite/fixtures.ts'
import { type Server, startServer } from '../support/postgres/server.ts'

const ENDPOINTS = ['ep_a', 'ep_b', 'ep_c']
const KEYS = 4
const EVENTS = 400
/** Of each of the two processes' worth. */
const CONNECTIONS = 8

let server: Server
let schema = ''
let schemas = 0
const open: { close(): Promise<void> }[] = []

beforeAll(async () => {
  server = await startServer()
}, 60_000)

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
  await server.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
})

afterAll(() => server?.stop())

async function connect(): Promise<Storage> {
  const pool = new Pool({ connectionString: server.url, max: CONNECTIONS })
  open.push({ close: () => pool.end() })
  const storage = postgres({ pool, schema })
  await storage.open({ now: NOW })
  open.push(storage)
  return storage
}

async function deadlocks(): Promise<number> {
  const [row] = await server.query<{ count: string }>('SELECT sum(deadlocks) AS count FROM pg_stat_database')
  return Number(row?.count)
}

/** Who was attempted, in order, for each endpoint and ordering key; and what must never be. */
class Record {
  readonly attempted = new Map<string, string[]>()
  readonly wrong: string[] = []
  readonly #flying = new Map<string, string>()
  readonly #turnOf: (lease: Lease) => string | null

  constructor(turnOf: (lease: Lease) => string | null) {
    this.#turnOf = turnOf
  }

  begin(lease: Lease): void {
    const turn = this.#turnOf(lease)
    if (lease.ordered !== (turn !== null)) this.wrong.push(`${lease.deliveryId}: ordered ${lease.ordered}`)
    if (turn === null) return
    const other = this.#flying.get(turn)
    if (other !== undefined) this.wrong.push(`${lease.deliveryId} beside ${other}`)
    this.#flying.set(turn, lease.deliveryId)
    const attempted = this.attempted.get(turn) ?? []
    this.attempted.set(turn, attempted)
    if (attempted.at(-1) !== lease.deliveryId) attempted.push(lease.deliveryId)
  }

  /** Before it is settled: another may be attempted from then on. */
  end(lease: Lease): void {
    const turn = this.#turnOf(lease)
    if (turn !== null) this.#flying.delete(turn)
  }
}

/** Every tenth event fans out in the background, every seventh has no ordering key; some want to be leased at once. */
function choicesOf(n: number, endpointsVersion: number): EventChoices {
  return {
    id: `evt_${n}`,
    to: n % 3 === 0 ? [...ENDPOINTS].reverse() : ENDPOINTS,
    endpointsVersion,
    ...(n % 7 === 0 ? {} : { orderingKey: keyOf(n) }),
    ...(n % 10 === 0 ? { fanOut: 'background' as const } : {}),
    ...(n % 2 === 0 ? { leaseUntil: NOW + 60_000 } : {}),
  }
}

const keyOf = (n: number) => `key ${n % KEYS}`

async function offerAll(storage: Storage, events: NewEvent[], record: Record): Promise<Lease[]> {
  const results = await storage.insertEvents({ now: NOW, worker: 'wrk_a', events })
  const waiting: NewEvent[] = []
  const leases: Lease[] = []
  for (const [index, result] of results.entries()) {
    if (result.status === 'fan_out_waits') waiting.push({ ...events[index]!, fanOut: 'background' })
    else if (result.status === 'inserted') leases.push(...result.leases)
    else record.wrong.push(`${events[index]!.event.id}: ${result.status}`)
  }
  for (const lease of leases) record.begin(lease)
  if (waiting.length > 0) leases.push(...(await offerAll(storage, waiting, record)))
  return leases
}

async function settle(storage: Storage, leases: Lease[], record: Record): Promise<void> {
  if (leases.length === 0) return
  for (const lease of leases) record.end(lease)
  // One of eight is tried again, and keeps its turn.
  const settlements = leases.map((lease, index) =>
    lease.claim === 1 && index % 8 === 7 ? rejected(lease, NOW) : delivered(lease),
  )
  const { statuses } = await storage.settle({ now: NOW, settlements })
  for (const [index, status] of statuses.entries()) {
    if (status !== 'applied') record.wrong.push(`${leases[index]!.deliveryId}: ${status}`)
  }
}

async function claimSome(storage: Storage): Promise<Lease[]> {
  const lanes = await storage.dueLanes({ now: NOW, limit: 2, exclude: [] })
  if (lanes.length === 0) return []
  const room = lanes.map(({ endpointId }) => ({ endpointId, limit: 3, leaseUntil: NOW + 60_000 }))
  const claimed = await storage.claimDue({ now: NOW, worker: 'wrk_a', room, defer: [] })
  return claimed.map(({ lease }) => lease)
}

async function fanOutSome(storage: Storage): Promise<void> {
  for (const { event, cursor } of await storage.pendingFanOuts({ limit: 4 })) {
    // One endpoint a slice.
    const next = ENDPOINTS.find((id) => id > cursor)!
    const deliveries = [{ endpointId: next, dueAt: NOW, leaseUntil: null }]
    const to = next === ENDPOINTS.at(-1) ? null : next
    await storage.insertSlice({ now: NOW, eventId: event.id, from: cursor, to, deliveries })
  }
}

describe('an ordering key', () => {
  it('has one head, however many write, claim and settle', { timeout: 90_000 }, async () => {
    schema = `ordering_${process.pid}_${schemas++}`
    const storages = [await connect(), await connect()]
    const [first] = storages
    for (const id of ENDPOINTS) await addEndpoint(first!, id)
    const version = await versionOf(first!)
    const numberOf = (eventId: string) => Number(eventId.slice('evt_'.length))
    const record = new Record(({ eventId, endpointId }) => {
      const { orderingKey } = choicesOf(numberOf(eventId), version)
      return orderingKey === undefined ? null : `${endpointId} ${orderingKey}`
    })
    const before = await deadlocks()

    let next = 0
    const accept = async (storage: Storage) => {
      while (next < EVENTS) {
        const numbers = Array.from({ length: 1 + (next % 3) }, () => next++).filter((n) => n < EVENTS)
        const events = await Promise.all(numbers.map((n) => newEvent(storage, choicesOf(n, version))))
        await settle(storage, await offerAll(storage, events, record), record)
      }
    }
    const left = async () => {
      const [row] = await server.query<{ left: string }>(`
        SELECT (SELECT count(*) FROM ${schema}.hookferry_event WHERE fan_cursor IS NOT NULL)
          + (SELECT count(*) FROM ${schema}.hookferry_delivery WHERE state IN (0, 1, 5)) AS left`)
      return Number(row?.left)
    }
    let over = false
    const deliver = async (storage: Storage) => {
      while (!over) {
        const leases = await claimSome(storage)
        for (const lease of leases) record.begin(lease)
        await settle(storage, leases, record)
        await fanOutSome(storage)
        if (leases.length === 0) await sleep(2)
      }
    }
    const of = (work: (storage: Storage) => Promise<void>, count: number) =>
      storages.flatMap((storage) => Array.from({ length: count }, () => work(storage)))
    const delivering = of(deliver, CONNECTIONS / 2)
    await Promise.all(of(accept, CONNECTIONS / 2))
    await expect.poll(left, { timeout: 60_000, interval: 100 }).toBe(0)
    over = true
    await Promise.all(delivering)

    expect(record.wrong).toEqual([])
    expect(record.attempted.size).toBe(ENDPOINTS.length * KEYS)
    for (const deliveryIds of record.attempted.values()) expect(deliveryIds).toEqual([...deliveryIds].sort())
    const ordered = Array.from({ length: EVENTS }, (_, n) => n).filter((n) => n % 7 !== 0).length
    const attempted = [...record.attempted.values()].flat()
    expect([attempted.length, new Set(attempted).size]).toEqual([ordered * ENDPOINTS.length, attempted.length])
    expect((await deadlocks()) - before).toBe(0)
    const [heads] = await server.query<{ count: string }>(
      `SELECT count(*) AS count FROM ${schema}.hookferry_delivery WHERE state <> 2`,
    )
    expect(Number(heads?.count)).toBe(0)
  })
})
