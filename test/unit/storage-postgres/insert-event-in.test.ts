/** One statement in a transaction of the host's: what it writes, what it meets, and what it leaves alone. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ArgumentError } from '../../../src/errors.ts'
import type { InsertEventInInput } from '../../../src/ports/storage.ts'
import { type PostgresStorage, postgres } from '../../../src/storage/postgres/index.ts'
import { type HostQuery, insertEventIn } from '../../../src/storage/postgres/insert-event-in.ts'
import { type Settings, settingsOf } from '../../../src/storage/postgres/options.ts'
import { type EventChoices, NOW, newTxEvent, offer } from '../../../src/testing/storage-suite/fixtures.ts'
import { type Server, startServer } from '../../support/postgres/server.ts'

let server: Server
let schema = ''
let schemas = 0
let settings: Settings
let storage: PostgresStorage
const clients: Client[] = []

beforeAll(async () => {
  server = await startServer()
}, 60_000)

beforeEach(async () => {
  schema = `hookferry_tx_${process.pid}_${schemas++}`
  settings = settingsOf({ connectionString: server.url, schema })
  storage = postgres({ connectionString: server.url, schema })
  await storage.open({ now: NOW })
})

afterEach(async () => {
  for (const client of clients.splice(0)) await client.end()
  await storage.close()
  await server.query(`DROP SCHEMA ${schema} CASCADE`)
})

afterAll(() => server?.stop())

interface Host {
  client: Client
  /** What was sent, in order. */
  sent: string[]
  query: HostQuery
  insert(choices: EventChoices): ReturnType<typeof insertEventIn>
}

async function host(begin: string | null = 'BEGIN'): Promise<Host> {
  const client = new Client({ connectionString: server.url })
  clients.push(client)
  await client.connect()
  if (begin !== null) await client.query(begin)
  const sent: string[] = []
  const query: HostQuery = async (text, values) => {
    for (const value of values) expect(value === null || typeof value === 'string').toBe(true)
    sent.push(text)
    const result = await client.query(text, values)
    // As a driver without any types would hand them on.
    for (const row of result.rows) {
      for (const value of Object.values(row)) expect(value === null || typeof value === 'string').toBe(true)
    }
    return result
  }
  return { client, sent, query, insert: async (choices) => insertEventIn(query, settings, await inputOf(choices)) }
}

async function inputOf(choices: EventChoices): Promise<InsertEventInInput> {
  return { now: choices.now ?? NOW, event: await newTxEvent(storage, choices) }
}

const keys = () =>
  server.query<{ key: string; event_id: string }>(`SELECT key, event_id FROM ${schema}.hookferry_idempotency`)
const eventIds = async () =>
  (await server.query<{ id: string }>(`SELECT id FROM ${schema}.hookferry_event ORDER BY id`)).map(({ id }) => id)

describe('insertEventIn', () => {
  it('sends one statement, and leaves the settings of the host as they are', async () => {
    const one = await host('BEGIN ISOLATION LEVEL SERIALIZABLE')
    const settingsNow = async () => (await one.client.query('SELECT name, setting FROM pg_settings ORDER BY name')).rows
    const before = await settingsNow()
    expect(await one.insert({ id: 'evt_a', key: 'k', tenant: 'fresh' })).toEqual({ status: 'inserted' })
    expect(await settingsNow()).toEqual(before)
    expect(one.sent.length).toBe(1)
    expect(one.sent[0]).toContain(`"${schema}"."hookferry_event"`)
    await one.client.query('COMMIT')
    expect(await storage.getEvent({ id: 'evt_a', tenant: 'fresh' })).toEqual(
      (await inputOf({ id: 'evt_a', key: 'k', tenant: 'fresh' })).event.event,
    )
    expect(await server.query(`SELECT 1 FROM ${schema}.hookferry_tenant`)).toEqual([])
  })

  it.each<[string, EventChoices, string]>([
    ['the key', { id: 'evt_b', key: 'k', hash: 'one' }, 'duplicate'],
    ['the key, with other arguments', { id: 'evt_b', key: 'k', hash: 'two' }, 'conflict'],
    ['the id, by another key', { id: 'order-1', idGiven: true, key: 'other', hash: 'one' }, 'duplicate'],
    ['the id, with other arguments', { id: 'order-1', idGiven: true, hash: 'two' }, 'conflict'],
    ['the id, generated', { id: 'order-1', hash: 'two' }, 'duplicate'],
  ])('waits for a transaction that has taken %s, and goes on', async (_, choices, status) => {
    const [first, second] = [await host(), await host()]
    await first.insert({ id: 'order-1', idGiven: true, key: 'k', hash: 'one' })
    const waiting = second.insert(choices)
    await sleep(100)
    await first.client.query('COMMIT')
    expect(await waiting).toEqual({ status, eventId: 'order-1' })
    expect(second.sent.length).toBe(2)
    expect(await second.insert({ id: 'evt_c', key: 'other' })).toEqual({ status: 'inserted' })
    await second.client.query('COMMIT')
    expect(await eventIds()).toEqual(['evt_c', 'order-1'])
  })

  it('gives back a key that it took for an id that was taken meanwhile', async () => {
    const [first, second] = [await host(), await host()]
    await first.insert({ id: 'order-1', idGiven: true, hash: 'one' })
    const waiting = second.insert({ id: 'order-1', idGiven: true, key: 'k', hash: 'two' })
    await sleep(100)
    await first.client.query('COMMIT')
    expect(await waiting).toEqual({ status: 'conflict', eventId: 'order-1' })
    expect(second.sent.length).toBe(2)
    expect(await second.insert({ id: 'evt_b', key: 'k' })).toEqual({ status: 'inserted' })
    await second.client.query('COMMIT')
    expect(await keys()).toEqual([{ key: 'k', event_id: 'evt_b' }])
    expect(await eventIds()).toEqual(['evt_b', 'order-1'])
  })

  it('inserts after all when the other transaction rolls back', async () => {
    const [first, second] = [await host(), await host()]
    await first.insert({ id: 'order-1', idGiven: true, key: 'k', hash: 'one' })
    const waiting = second.insert({ id: 'order-1', idGiven: true, key: 'k', hash: 'two' })
    await sleep(100)
    await first.client.query('ROLLBACK')
    expect(await waiting).toEqual({ status: 'inserted' })
    await second.client.query('COMMIT')
    expect(await keys()).toEqual([{ key: 'k', event_id: 'order-1' }])
  })

  it('writes only under its mark, which ends with its transaction', async () => {
    const mark = 'this one'
    const one = await host(null)
    const set = () => one.client.query(`SELECT set_config('hookferry.tx', $1, true)`, [mark])
    await set()
    const alone = await insertEventIn(one.query, settings, await inputOf({ id: 'evt_a', key: 'k' }), mark)
    expect(alone).toBe(null)
    await one.client.query('BEGIN')
    await set()
    const marked = await insertEventIn(one.query, settings, await inputOf({ id: 'evt_b' }), mark)
    expect(marked).toEqual({ status: 'inserted' })
    expect(await insertEventIn(one.query, settings, await inputOf({ id: 'evt_c' }), 'another')).toBe(null)
    await one.client.query('COMMIT')
    expect(await insertEventIn(one.query, settings, await inputOf({ id: 'evt_d' }), mark)).toBe(null)
    expect(await eventIds()).toEqual(['evt_b'])
    expect(await keys()).toEqual([])
  })
})

describe('insertEventIn fails', () => {
  it('in a transaction that has failed before, and says to roll back', async () => {
    const one = await host()
    await one.client.query('SELECT 1/0').catch(() => {})
    await expect(one.insert({ id: 'evt_a' })).rejects.toMatchObject({ code: 'transaction_aborted', retryable: false })
  })

  it('where there are no tables yet, and says how to make them', async () => {
    for (const names of [{ schema: 'nowhere' }, { schema, tablePrefix: 'none_' }]) {
      const one = await host()
      const call = insertEventIn(one.query, { ...settings, ...names }, await inputOf({ id: 'evt_a' }))
      await expect(call).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
      await expect(call).rejects.toThrow('await sender.health()')
    }
  })

  it('retryably where the isolation of the host does not bear what was committed meanwhile', async () => {
    const one = await host('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await one.client.query('SELECT 1')
    await offer(storage, { id: 'order-1', idGiven: true })
    const call = one.insert({ id: 'order-1', idGiven: true })
    await expect(call).rejects.toMatchObject({ code: 'storage_busy', retryable: true })
    await expect(call).rejects.toThrow('run the transaction again')
  })

  it('as the server told, whatever the driver wraps it in', async () => {
    const state = (code: string) => Object.assign(new Error('as told'), { code })
    for (const [thrown, code] of [
      [new Error('wrapped', { cause: state('25P02') }), 'transaction_aborted'],
      [Object.assign(new Error('raw query failed'), { code: 'P2010', meta: { code: '40P01' } }), 'storage_busy'],
      [
        Object.assign(state('P2010'), { meta: { driverAdapterError: { cause: { originalCode: '42P01' } } } }),
        'storage_unavailable',
      ],
      [state('42501'), 'storage_read_only'],
    ] as const) {
      const query = () => Promise.reject(thrown)
      await expect(insertEventIn(query, settings, await inputOf({ id: 'evt_a' }))).rejects.toMatchObject({ code })
    }
    const lost = { code: 'storage_unavailable', retryable: true }
    for (const [thrown, expected] of [
      [new Error('Connection terminated unexpectedly'), lost],
      [state('EPIPE'), lost],
      [new ArgumentError('argument_type', 'sendIn.tx', 'is none'), { code: 'argument_type' }],
    ] as const) {
      const call = insertEventIn(() => Promise.reject(thrown), settings, await inputOf({ id: 'evt_a' }))
      await expect(call).rejects.toMatchObject(expected)
    }
  })
})
