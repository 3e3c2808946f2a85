/** What a real Postgres refuses or loses becomes a typed error that says what to do; nothing hangs. */
import { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type PostgresOptions, postgres } from '../../src/storage/postgres/index.ts'
import {
  addEndpoint,
  claim,
  deliveriesOf,
  NOW,
  newEvent,
  sendOne,
  WORKER,
} from '../../src/testing/storage-suite/fixtures.ts'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'

let server: OwnServer
let schemas = 0
const open: { close(): Promise<unknown> }[] = []

beforeAll(async () => {
  server = await startOwnServer(['-c', 'fsync=off'])
}, 60_000)

afterEach(async () => {
  for (const storage of open.splice(0)) await storage.close()
})

afterAll(() => server?.stop())

function storageOn(over: Partial<PostgresOptions> = {}) {
  const options = { schema: `trouble_${schemas++}`, connectionString: server.url, ...over }
  const storage = postgres(options as PostgresOptions)
  open.push(storage)
  return { storage, schema: options.schema, open: () => storage.open({ now: NOW }) }
}

function urlWith(change: (url: URL) => void): string {
  const url = new URL(server.url)
  change(url)
  return url.href
}

describe('opening', () => {
  it('refuses wrong credentials, and tells no password', async () => {
    const connectionString = urlWith((url) => {
      url.password = 'wrong-secret'
    })
    const error = await storageOn({ connectionString })
      .open()
      .catch((thrown: Error) => thrown)
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: false })
    expect(String((error as Error).message)).toMatch(/user or password.*correct them/)
    expect(String((error as Error).message)).not.toContain('wrong-secret')
  })

  it('names a database that is not there', async () => {
    const connectionString = urlWith((url) => {
      url.pathname = '/nowhere'
    })
    await expect(storageOn({ connectionString }).open()).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  it('tells a server that is down, and opens once it is there', async () => {
    await server.crash()
    const { open } = storageOn()
    await expect(open()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
    await server.start()
    await expect(open()).resolves.toEqual({ version: 1 })
  })

  it('refuses a schema that is newer than the library', async () => {
    const { storage, schema, open } = storageOn()
    await open()
    await storage.close()
    await server.query(`UPDATE ${schema}.hookferry_meta SET value = 99 WHERE name = 'version'`)
    await expect(open()).rejects.toMatchObject({ code: 'storage_version', message: expect.stringContaining('99') })
  })

  it('names the rights that a user lacks', async () => {
    const { schema, open } = storageOn()
    await open()
    await server.query(`CREATE ROLE reader_${schema} LOGIN PASSWORD 'reader'; GRANT USAGE ON SCHEMA ${schema} TO
      reader_${schema}; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO reader_${schema}`)
    const connectionString = urlWith((url) => {
      url.username = `reader_${schema}`
      url.password = 'reader'
    })
    const refusal = storageOn({ connectionString, schema }).open()
    await expect(refusal).rejects.toMatchObject({
      code: 'storage_read_only',
      message: expect.stringContaining('INSERT'),
    })
    const none = storageOn({ connectionString }).open()
    await expect(none).rejects.toMatchObject({ code: 'storage_read_only', retryable: false })
  })

  it('is raced by ten nodes, of which one migrates', async () => {
    const schema = `trouble_${schemas++}`
    const nodes = Array.from({ length: 10 }, () => storageOn({ schema }))
    const versions = await Promise.all(nodes.map((node) => node.open()))
    expect(versions).toEqual(nodes.map(() => ({ version: 1 })))
  })
})

describe('at work', () => {
  it("needs one connection of a host's pool, gives it back, and sets nothing on it", async () => {
    const pool = hostPool()
    open.push({ close: () => pool.end() })
    const { storage, ...node } = storageOn({ pool, connectionString: undefined } as never)
    await pool.query(`SET synchronous_commit = off; SET statement_timeout = 1234`)
    await node.open()
    await addEndpoint(storage, 'ep_a')
    await Promise.all(Array.from({ length: 20 }, (_, n) => sendOne(storage, { id: `evt_${n}`, to: ['ep_a'] })))
    expect((await claim(storage, 'ep_a', { limit: 20 })).length).toBe(20)
    const { rows } = await pool.query(`SELECT current_setting('synchronous_commit') AS sync,
      current_setting('statement_timeout') AS timeout, current_setting('enable_seqscan') AS scan`)
    expect(rows).toEqual([{ sync: 'off', timeout: '1234ms', scan: 'on' }])
    expect(pool.idleCount).toBe(1)
  })

  it('survives connections that are ended under it, and writes nothing twice', async () => {
    const { storage, schema, open } = storageOn()
    await open()
    await addEndpoint(storage, 'ep_a')
    const event = await newEvent(storage, { id: 'evt_a', to: ['ep_a'] })
    const blocker = hostPool()
    const lock = await blocker.connect()
    await lock.query(`BEGIN; LOCK TABLE ${schema}.hookferry_event IN SHARE MODE`)
    const insert = () => storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
    const doubtful = insert()
    const failed = expect(doubtful).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
    await expect.poll(async () => (await waiting()).length, { timeout: 5_000 }).toBeGreaterThan(0)
    await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY($1)`, [await waiting()])
    await failed
    await lock.query('ROLLBACK')
    lock.release()
    await blocker.end()
    expect(await insert()).toMatchObject([{ status: 'inserted' }])
    expect(await insert()).toMatchObject([{ status: 'inserted' }])
    expect((await deliveriesOf(storage, 'evt_a')).length).toBe(1)
  })

  it('waits for no lock for ever', { timeout: 30_000 }, async () => {
    const { storage, schema, open } = storageOn()
    await open()
    await addEndpoint(storage, 'ep_a')
    const pool = hostPool()
    const lock = await pool.connect()
    await lock.query(`BEGIN; LOCK TABLE ${schema}.hookferry_lane IN ACCESS EXCLUSIVE MODE`)
    await expect(claim(storage, 'ep_a')).rejects.toMatchObject({ code: 'storage_busy', retryable: true })
    await lock.query('ROLLBACK')
    lock.release()
    await pool.end()
    expect(await claim(storage, 'ep_a')).toEqual([])
  })

  it('waits for no answer for ever', { timeout: 40_000 }, async () => {
    const pool = hostPool()
    open.push({ close: () => pool.end() })
    const { storage, open: begin } = storageOn({ pool, connectionString: undefined } as never)
    await begin()
    const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const pid = rows[0]!.pid
    process.kill(pid, 'SIGSTOP')
    try {
      await expect(storage.nextDueAt()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
      expect(await storage.nextDueAt()).toBe(null)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  it('acknowledges nothing that a standby which is waited for has not got', { timeout: 40_000 }, async () => {
    const { storage, open } = storageOn()
    await open()
    const event = await newEvent(storage, { id: 'evt_a' })
    await server.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
    await server.query('SELECT pg_reload_conf()')
    try {
      const insert = storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })
      const refusal = expect(insert).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
      await expect.poll(() => waiting('SyncRep'), { timeout: 5_000 }).not.toEqual([])
      await server.query('SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = ANY($1)', [
        await waiting('SyncRep'),
      ])
      await refusal
    } finally {
      await server.query('ALTER SYSTEM RESET synchronous_standby_names')
      await server.query('SELECT pg_reload_conf()')
    }
    expect(await storage.insertEvents({ now: NOW, worker: WORKER, events: [event] })).toMatchObject([
      { status: 'inserted' },
    ])
  })

  it('tells a server that dies, and goes on once it is back', async () => {
    const { storage, open } = storageOn()
    await open()
    await addEndpoint(storage, 'ep_a')
    await sendOne(storage, { id: 'evt_a', to: ['ep_a'] })
    await server.crash()
    await expect(claim(storage, 'ep_a')).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
    await server.start()
    expect((await claim(storage, 'ep_a')).length).toBe(1)
  })

  it('tells a host pool that has no connection left', { timeout: 30_000 }, async () => {
    const pool = hostPool()
    const { storage, open: begin } = storageOn({ pool, connectionString: undefined } as never)
    await begin()
    const client = await pool.connect()
    await expect(storage.nextDueAt()).rejects.toMatchObject({ code: 'storage_busy', retryable: true })
    client.release()
    expect(await storage.nextDueAt()).toBe(null)
    await storage.close()
    await pool.end()
  })
})

/** With one connection, and the listener that pg asks for. */
function hostPool(): Pool {
  return new Pool({ connectionString: server.url, max: 1 }).on('error', () => {})
}

/** Backends of ours that wait for a lock, or for what is named. */
async function waiting(event: string | null = null): Promise<number[]> {
  const rows = await server.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'hookferry'
      AND CASE WHEN $1::text IS NULL THEN wait_event_type = 'Lock' ELSE wait_event = $1 END`,
    [event],
  )
  return rows.map(({ pid }) => pid)
}
