/** An event written by a transaction of the host's is there exactly when that was committed, whatever library runs it. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PrismaPg } from '@prisma/adapter-pg'
import { drizzle } from 'drizzle-orm/node-postgres'
import { drizzle as drizzleOverPostgresJs } from 'drizzle-orm/postgres-js'
import { Kysely, type KyselyPlugin, PostgresDialect, sql as raw } from 'kysely'
import { Client, Pool } from 'pg'
import connect from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { PrismaClient } from '../../examples/transactional-send/prisma/client/client.ts'
import {
  drizzleTx,
  kyselyTx,
  type PostgresStorage,
  postgres,
  postgresJsTx,
  prismaTx,
} from '../../src/storage/postgres/index.ts'
import type { PostgresTransaction } from '../../src/storage/postgres/tx-adapters.ts'
import { NOW, newTxEvent } from '../../src/testing/storage-suite/fixtures.ts'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'

/** A library at work: how it runs a transaction, and what is given to the storage. */
interface Host {
  name: string
  /** Runs `work` in a transaction that is committed, unless `work` throws. */
  transaction(work: (tx: PostgresTransaction, fail: () => Promise<unknown>) => Promise<void>): Promise<unknown>
  /** Statements for one event. */
  statements: number
}

let server: OwnServer
let storage: PostgresStorage
let pool: Pool
let sql: ReturnType<typeof connect>
let prisma: PrismaClient
let count = 0

beforeAll(async () => {
  server = await startOwnServer(['-c', 'fsync=off'])
  pool = new Pool({ connectionString: server.url, max: 4 }).on('error', () => {})
  sql = connect(server.url, { max: 2, transform: connect.pascal, onnotice: () => {} })
  prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: server.url, max: 2 }) })
  storage = postgres({ connectionString: server.url })
  await storage.open({ now: NOW })
}, 60_000)

afterAll(async () => {
  await storage?.close()
  await Promise.all([pool?.end(), sql?.end(), prisma?.$disconnect()])
  await server?.stop()
})

const FAILING = 'SELECT 1 / 0'

/** Renames every column. */
const DATED: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => ({
    ...result,
    rows: result.rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [`y26_${name}`, value])),
    ),
  }),
}

const HOSTS: Host[] = [
  {
    name: 'pg',
    statements: 1,
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await work(client, () => client.query(FAILING))
        await client.query('COMMIT')
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      } finally {
        client.release()
      }
    },
  },
  {
    name: 'a client that can not tell its state',
    statements: 2,
    transaction: (work) =>
      HOSTS[0]!.transaction((tx, fail) => work({ query: (text, values) => tx.query(text, values) }, fail)),
  },
  {
    name: 'kysely',
    statements: 2,
    transaction: (work) =>
      new Kysely({ dialect: new PostgresDialect({ pool }), plugins: [DATED] })
        .transaction()
        .execute((trx) => work(kyselyTx(trx), () => raw.raw(FAILING).execute(trx))),
  },
  {
    name: 'kysely, a transaction controlled by hand',
    statements: 2,
    async transaction(work) {
      const trx = await new Kysely({ dialect: new PostgresDialect({ pool }) }).startTransaction().execute()
      try {
        await work(kyselyTx(trx), () => raw.raw(FAILING).execute(trx))
        await trx.commit().execute()
      } catch (error) {
        await trx.rollback().execute()
        throw error
      }
    },
  },
  {
    name: 'drizzle over pg',
    statements: 1,
    transaction: (work) => drizzle(pool).transaction((tx) => work(drizzleTx(tx), async () => tx.execute(FAILING))),
  },
  {
    name: 'drizzle over postgres.js',
    statements: 2,
    transaction: (work) =>
      drizzleOverPostgresJs(sql).transaction((tx) => work(drizzleTx(tx), async () => tx.execute(FAILING))),
  },
  {
    name: 'postgres.js',
    statements: 2,
    transaction: (work) => sql.begin((tx) => work(postgresJsTx(tx), async () => tx.unsafe(FAILING))),
  },
  {
    name: 'postgres.js, a connection reserved by hand',
    statements: 2,
    async transaction(work) {
      const own = await sql.reserve()
      try {
        await own`BEGIN`
        await work(postgresJsTx(own), async () => own.unsafe(FAILING))
        await own`COMMIT`
      } catch (error) {
        await own`ROLLBACK`
        throw error
      } finally {
        own.release()
      }
    },
  },
  {
    name: 'Prisma',
    statements: 1,
    transaction: (work) => prisma.$transaction((tx) => work(prismaTx(tx), () => tx.$queryRawUnsafe(FAILING))),
  },
]

/** A caller's own event, so that the same again is a duplicate; with all that a statement has to carry. */
async function eventOf(id: string, over: { hash?: string; key?: string } = {}) {
  const item = await newTxEvent(storage, { id, idGiven: true, key: `key of ${id}`, ...over })
  const body = new Uint8Array([0, 1, 255, 39, 92, 128])
  return { ...item, event: { ...item.event, body, orderingKey: `o'rdered "by\\ ü` } }
}

async function write(tx: PostgresTransaction, id: string, over?: { hash?: string; key?: string }) {
  return storage.insertEventIn(tx, { now: NOW, event: await eventOf(id, over) })
}

const there = (id: string) => storage.getEvent({ id, tenant: null })

describe.each(HOSTS)('$name', ({ transaction, statements }) => {
  let id: string

  beforeEach(() => {
    id = `evt_${count++}`
  })

  it('commits the event with the transaction, to the last byte', async () => {
    await transaction(async (tx) => {
      const query = vi.fn((text: string, values: unknown[]) => tx.query(text, values))
      const counted = tx.getTransactionStatus === undefined ? { query } : Object.assign(Object.create(tx), { query })
      expect(await write(counted, id)).toEqual({ status: 'inserted' })
      expect(query).toHaveBeenCalledTimes(statements)
      expect(await there(id)).toBe(null)
    })
    expect(await there(id)).toEqual((await eventOf(id)).event)
  })

  it('leaves no trace of what is rolled back', async () => {
    const refusal = transaction(async (tx) => {
      await write(tx, id)
      throw new Error('changed my mind')
    })
    await expect(refusal).rejects.toThrow('changed my mind')
    expect(await there(id)).toBe(null)
    await transaction(async (tx) => {
      expect(await write(tx, id)).toEqual({ status: 'inserted' })
    })
  })

  it('tells duplicates and conflicts, and the transaction goes on', async () => {
    await transaction(async (tx) => {
      await write(tx, id)
      expect(await write(tx, id)).toEqual({ status: 'duplicate', eventId: id })
      expect(await write(tx, id, { hash: 'other' })).toEqual({ status: 'conflict', eventId: id })
      expect(await write(tx, `${id}_next`)).toEqual({ status: 'inserted' })
    })
    expect(await there(`${id}_next`)).not.toBe(null)
  })

  it('refuses a transaction that has failed before, with a code of its own', async () => {
    let refusal: unknown
    const transacted = transaction(async (tx, fail) => {
      await expect(fail()).rejects.toThrow()
      refusal = await write(tx, id).catch((error) => error)
      throw refusal
    })
    await expect(transacted).rejects.toThrow()
    expect(refusal).toMatchObject({ code: 'transaction_aborted', retryable: false })
    expect(await there(id)).toBe(null)
  })

  it('writes nothing after its end: a sendIn that nobody awaited is no transaction of its own', async () => {
    let kept: PostgresTransaction | undefined
    await transaction(async (tx) => {
      kept = tx
    })
    await expect(write(kept!, id)).rejects.toMatchObject({ code: 'not_in_transaction', retryable: false })
    expect(await there(id)).toBe(null)
  })
})

describe('outside of a transaction', () => {
  const refused = { code: 'not_in_transaction', retryable: false }

  it('refuses a client of pg', async () => {
    const client = new Client({ connectionString: server.url })
    await expect(write(client, 'evt_out')).rejects.toMatchObject(refused)
    await client.connect()
    await expect(write(client, 'evt_out')).rejects.toMatchObject(refused)
    await client.query('BEGIN; ROLLBACK')
    await expect(write(client, 'evt_out')).rejects.toMatchObject(refused)
    await client.end()
    expect(await there('evt_out')).toBe(null)
  })

  it('refuses what the others have instead of a transaction', () => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
    expect(() => kyselyTx(db)).toThrow(expect.objectContaining(refused))
    expect(() => drizzleTx(drizzle(pool) as never)).toThrow(expect.objectContaining(refused))
    expect(() => prismaTx(prisma)).toThrow(expect.objectContaining(refused))
    expect(() => postgresJsTx(sql)).toThrow(expect.objectContaining(refused))
  })

  it('refuses each of them bare, with the way to pass it', async () => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) })
    const bare: [unknown, string][] = [
      [pool, 'the client that ran BEGIN'],
      [db, 'kyselyTx(trx)'],
      [drizzle(pool), 'drizzleTx(tx)'],
      [prisma, 'prismaTx(tx)'],
      [sql, 'postgresJsTx(sql)'],
    ]
    for (const [tx, remedy] of bare) {
      await expect(write(tx as never, 'evt_out')).rejects.toMatchObject({
        code: 'argument_type',
        path: 'sendIn.tx',
        message: expect.stringContaining(remedy),
      })
    }
  })
})

describe('the tables', () => {
  it('are enough: a storage that was not opened writes, and waits for no connection of its own', async () => {
    const closed = postgres({ pool: new Pool({ connectionString: server.url, max: 1 }) })
    const client = await pool.connect()
    await client.query('BEGIN')
    const event = await eventOf('evt_closed')
    expect(await closed.insertEventIn(client, { now: NOW, event })).toEqual({ status: 'inserted' })
    await client.query('COMMIT')
    client.release()
    await closed.close()
    expect(await there('evt_closed')).not.toBe(null)
  })

  it('are missed with a code, and the transaction can be rolled back', async () => {
    const elsewhere = postgres({ connectionString: server.url, schema: 'nowhere' })
    const client = await pool.connect()
    await client.query('BEGIN')
    const refusal = elsewhere.insertEventIn(client, { now: NOW, event: await eventOf('evt_nowhere') })
    await expect(refusal).rejects.toMatchObject({ code: 'storage_unavailable', retryable: false })
    await client.query('ROLLBACK')
    client.release()
    await elsewhere.close()
  })
})

it('the examples take a server that DATABASE_URL names, and leave nothing there', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', 'examples/transactional-send/pg.ts'],
    {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, DATABASE_URL: server.url },
      timeout: 60_000,
    },
  )
  expect([stdout, stderr]).toEqual(['paid, and told: inv_1\n', ''])
  expect(await server.query(`SELECT FROM pg_database WHERE datname LIKE 'hookferry_example%'`)).toEqual([])
})
