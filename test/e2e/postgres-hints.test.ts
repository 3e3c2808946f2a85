/** Nodes tell each other of work by NOTIFY: soon, seldom, from outside of the host's transactions; and go on after a loss. */
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client, Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type PostgresOptions, type PostgresStorage, postgres } from '../../src/storage/postgres/index.ts'
import { channelOf } from '../../src/storage/postgres/on-work.ts'
import { settingsOf } from '../../src/storage/postgres/options.ts'
import {
  addEndpoint,
  cancelEvent,
  claim,
  NOW,
  newTxEvent,
  offer,
  pause,
  resume,
  WORKER,
} from '../../src/testing/storage-suite/fixtures.ts'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

let server: OwnServer
let schemas = 0
const open: { close(): Promise<unknown> }[] = []

beforeAll(async () => {
  server = await startOwnServer(['-c', 'fsync=off'])
}, 60_000)

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

afterAll(() => server?.stop())

async function opened(schema: string, over: Partial<PostgresOptions> = {}): Promise<PostgresStorage> {
  const storage = postgres({ connectionString: server.url, schema, ...over } as PostgresOptions)
  open.push(storage)
  await storage.open({ now: NOW })
  return storage
}

const newSchema = () => `hints_${schemas++}`

/** Counts what is heard. */
function ear(storage: PostgresStorage) {
  const heard = { count: 0, end: () => {} }
  heard.end = storage.onWork!(() => {
    heard.count += 1
  })
  return heard
}

/** What listens now, by the server's word. */
async function listening(): Promise<number[]> {
  const rows = await server.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'hookferry' AND query ~ '^(LISTEN|SELECT 1$)'`,
  )
  return rows.map(({ pid }) => pid)
}

const listens = () => expect.poll(async () => (await listening()).length, { timeout: 5_000 }).toBe(1)

/** Every notification of a schema, as the server passes it on. */
async function wireTap(schema: string): Promise<{ at: number; payload: string | undefined }[]> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  open.push({ close: () => client.end() })
  const seen: { at: number; payload: string | undefined }[] = []
  client.on('notification', ({ payload }) => seen.push({ at: performance.now(), payload }))
  await client.query(`LISTEN "${channelOf(settingsOf({ connectionString: server.url, schema }))}"`)
  return seen
}

describe('a node', () => {
  it('is told of what others leave to it, and not of its own', async () => {
    const schema = newSchema()
    const [sends, works] = [await opened(schema), await opened(schema)]
    await addEndpoint(sends, 'ep_a')
    const [own, other] = [ear(sends), ear(works)]
    await expect.poll(async () => (await listening()).length, { timeout: 5_000 }).toBe(2)
    const hears = async (work: () => Promise<unknown>) => {
      await sleep(60)
      const before = other.count
      await work()
      await expect.poll(() => other.count, { interval: 5 }).toBe(before + 1)
    }
    await hears(() => offer(sends, { id: 'evt_a', to: ['ep_a'] }))
    const [lease] = await claim(sends, 'ep_a')
    await hears(() => sends.releaseLeases({ now: NOW, worker: WORKER, leases: [lease!.lease] }))
    await pause(sends, 'ep_a')
    await hears(() => resume(sends, 'ep_a'))
    await hears(() =>
      sends.createReplay({ id: 'rpl_a', kind: 'replay', selection: {}, perSecond: null, total: 1, now: NOW }),
    )
    await addEndpoint(sends, 'ep_late')
    const selection = { endpointId: 'ep_late' }
    const begun = { id: 'rpl_b', kind: 'backfill' as const, selection, perSecond: null, total: 1, now: NOW }
    await hears(() => sends.createReplay(begun))
    const from = { at: -1, key: 0 }
    const step = { replayId: 'rpl_b', now: NOW, from, to: null, eventIds: ['evt_a'] }
    await hears(() => sends.insertBackfill(step))
    await hears(() => cancelEvent(sends, { id: 'evt_a' }))
    expect(own.count).toBe(0)
  })

  it('is not told of a delivery that is leased already', async () => {
    const schema = newSchema()
    const [sends, works] = [await opened(schema), await opened(schema)]
    await addEndpoint(sends, 'ep_a')
    const seen = await wireTap(schema)
    const heard = ear(works)
    await listens()
    await offer(sends, { id: 'evt_a', to: ['ep_a'], leaseUntil: NOW + 1_000 })
    await offer(sends, { id: 'evt_b' })
    await sleep(150)
    expect([heard.count, seen.length]).toEqual([0, 0])
  })

  it('hears nothing of another prefix', async () => {
    const schema = newSchema()
    const [sends, works] = [await opened(schema), await opened(schema, { tablePrefix: 'other_' })]
    await addEndpoint(sends, 'ep_a')
    const seen = await wireTap(schema)
    const heard = ear(works)
    await listens()
    await offer(sends, { id: 'evt_a', to: ['ep_a'] })
    await expect.poll(() => seen.length).toBe(1)
    expect(heard.count).toBe(0)
  })

  it('tells at most once in 50 ms, at once, and of the last as well', async () => {
    const schema = newSchema()
    const storage = await opened(schema)
    await addEndpoint(storage, 'ep_a')
    const seen = await wireTap(schema)
    const began = performance.now()
    let written = 0
    let last = 0
    while (performance.now() - began < 1_000) {
      await offer(storage, { id: `evt_${written++}`, to: ['ep_a'] })
      last = performance.now()
    }
    await sleep(150)
    expect(written).toBeGreaterThan(seen.length)
    expect(seen.length).toBeGreaterThan(3)
    expect(seen.length).toBeLessThanOrEqual(Math.ceil((last - began) / 50) + 1)
    // Each is sent after what it tells of was written.
    expect(seen.at(-1)!.at).toBeGreaterThan(last)
    expect(new Set(seen.map(({ payload }) => payload)).size).toBe(1)
  })

  it('tells of an event in a transaction of the host after that, by a connection of its own', async () => {
    const schema = newSchema()
    const storage = await opened(schema)
    const seen = await wireTap(schema)
    const client = new Client({ connectionString: server.url })
    await client.connect()
    await client.query('BEGIN')
    const input = { now: NOW, event: await newTxEvent(storage, { id: 'evt_a' }) }
    const writes = performance.now()
    await storage.insertEventIn(client, input)
    // Nothing waits in the host's transaction: told by it, it would be told at its commit alone.
    await expect.poll(() => seen.length, { interval: 5 }).toBe(1)
    expect(seen[0]!.at - writes).toBeGreaterThan(40)
    await client.query('COMMIT')
    await client.end()
    expect(seen.length).toBe(1)
  })

  it('sends what waits to be told when it closes', async () => {
    const schema = newSchema()
    const storage = await opened(schema)
    const seen = await wireTap(schema)
    await addEndpoint(storage, 'ep_a')
    await offer(storage, { id: 'evt_a', to: ['ep_a'] })
    await offer(storage, { id: 'evt_b', to: ['ep_a'] })
    await storage.close()
    await expect.poll(() => seen.length).toBe(2)
  })
})

describe('a listening connection', () => {
  it('that is lost is made anew, and the listener told once of what may have been missed', async () => {
    const schema = newSchema()
    const [sends, works] = [await opened(schema), await opened(schema)]
    await addEndpoint(sends, 'ep_a')
    const heard = ear(works)
    await listens()
    const [pid] = await listening()
    await server.query('SELECT pg_terminate_backend($1)', [pid])
    await expect.poll(() => heard.count, { timeout: 5_000 }).toBe(1)
    expect(await listening()).not.toContain(pid)
    await offer(sends, { id: 'evt_a', to: ['ep_a'] })
    await expect.poll(() => heard.count).toBe(2)
  })

  it('comes back with the server', { timeout: 40_000 }, async () => {
    const schema = newSchema()
    const storage = await opened(schema)
    const heard = ear(storage)
    await listens()
    await server.crash()
    await sleep(1_500)
    await server.start()
    await expect.poll(() => heard.count, { timeout: 15_000 }).toBe(1)
    await listens()
  })

  it('is closed by the last who listened, and by close', async () => {
    const storage = await opened(newSchema())
    const [first, second] = [ear(storage), ear(storage)]
    await listens()
    first.end()
    first.end()
    await sleep(100)
    expect((await listening()).length).toBe(1)
    second.end()
    await expect.poll(listening).toEqual([])
    ear(storage)
    await listens()
    await storage.close()
    expect(await listening()).toEqual([])
  })

  it('that does not come about is no failure, and close does not wait for it', async () => {
    const schema = newSchema()
    const storage = await opened(schema)
    await server.crash()
    try {
      const heard = ear(storage)
      await sleep(300)
      const began = performance.now()
      await storage.close()
      expect(performance.now() - began).toBeLessThan(5_000)
      expect(heard.count).toBe(0)
    } finally {
      await server.start()
    }
  })

  it('that does not answer is given up by close in bounded time', { timeout: 40_000 }, async () => {
    const storage = await opened(newSchema())
    ear(storage)
    await listens()
    const [pid] = await listening()
    process.kill(pid!, 'SIGSTOP')
    try {
      const began = performance.now()
      await storage.close()
      expect(performance.now() - began).toBeLessThan(10_000)
    } finally {
      process.kill(pid!, 'SIGCONT')
    }
  })

  it("takes one of a host's pool of three, and gives it up when the host ends that", { timeout: 30_000 }, async () => {
    const pool = new Pool({ connectionString: server.url, max: 3, application_name: 'hookferry' }).on('error', () => {})
    const schema = newSchema()
    const [sends, works] = [await opened(schema), await opened(schema, { pool, connectionString: undefined } as never)]
    await addEndpoint(sends, 'ep_a')
    const heard = ear(works)
    await listens()
    expect(pool.totalCount - pool.idleCount).toBe(1)
    await offer(sends, { id: 'evt_a', to: ['ep_a'] })
    await expect.poll(() => heard.count).toBe(1)
    await pool.end()
    await works.close()
  })

  it("takes none of a host's smaller pool: polling is the fallback", async () => {
    const pool = new Pool({ connectionString: server.url, max: 2, application_name: 'hookferry' }).on('error', () => {})
    const storage = await opened(newSchema(), { pool, connectionString: undefined } as never)
    ear(storage)
    await sleep(300)
    expect([await listening(), pool.totalCount - pool.idleCount]).toEqual([[], 0])
    await storage.close()
    await pool.end()
  })

  it('keeps no process alive', { timeout: 30_000 }, async () => {
    // Not opened: the idle connections of a pool keep a process for 10 s, as pg has it.
    const program = `
      import { Client, Pool } from 'pg'
      import { postgres } from './src/storage/postgres/index.ts'
      const connectionString = process.env.URL
      const pool = new Pool({ connectionString, max: 5, application_name: 'hookferry' })
      for (const options of [{ connectionString }, { pool }, { connectionString: 'postgres://a:b@127.0.0.1:1/none' }]) {
        postgres({ ...options, schema: 'hints_exit' }).onWork(() => {})
      }
      const client = new Client({ connectionString })
      await client.connect()
      let listening = 0
      while (listening < 2) {
        const { rowCount } = await client.query("SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        listening = rowCount
      }
      await client.end()
      const told = performance.now()
      process.on('exit', () => console.log(listening, performance.now() - told))`
    const arguments_ = ['--import', 'tsx', '--input-type=module', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, arguments_, {
      cwd: root,
      env: { ...process.env, URL: server.url },
    })
    const [listening, livedOnMs] = stdout.split(' ').map(Number)
    expect(listening).toBe(2)
    expect(livedOnMs).toBeLessThan(5_000)
  })
})

describe('the clock', () => {
  it("is the server's, in whole milliseconds, and moves within a transaction's time", async () => {
    const storage = await opened(newSchema())
    const [before, first] = [Date.now(), await storage.time!()]
    await sleep(20)
    const [second, after] = [await storage.time!(), Date.now()]
    expect(Number.isInteger(first)).toBe(true)
    expect(first).toBeGreaterThanOrEqual(before - 1)
    expect(second).toBeGreaterThanOrEqual(first + 19)
    expect(second).toBeLessThanOrEqual(after + 1)
  })

  it('needs no transaction', async () => {
    const storage = await opened(newSchema())
    await storage.time!()
    const [row] = await server.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity WHERE application_name = 'hookferry' ORDER BY state_change DESC LIMIT 1`,
    )
    expect(row!.query).toContain('clock_timestamp')
  })

  it('is told of a server that is down', async () => {
    const storage = await opened(newSchema())
    await server.crash()
    try {
      await expect(storage.time!()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
    } finally {
      await server.start()
    }
    expect(await storage.time!()).toBeGreaterThan(NOW)
  })
})
