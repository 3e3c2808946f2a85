/** What a host can get wrong about its Postgres: each a typed error in bounded time, the host's data unharmed, nothing lost. */
import { createWebhookSender, type SenderOptions } from 'hookferry'
import { kyselyTx, type PostgresOptions, postgres } from 'hookferry/postgres'
import { Kysely, PostgresDialect } from 'kysely'
import { Client, Pool } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type OwnServer, startOwnServer } from '../support/postgres/server.ts'

const EVENT = { type: 'invoice.paid', data: { invoice: 'inv_1' } }

let server: OwnServer
let schemas = 0
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = await startOwnServer(['-c', 'fsync=off'])
}, 60_000)

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

afterAll(() => server?.stop())

const newSchema = () => `bad_${schemas++}`

function senderOn(storage: Partial<PostgresOptions>, options: Partial<SenderOptions> = {}) {
  const sender = createWebhookSender({
    ...options,
    storage: postgres({ connectionString: server.url, ...storage } as PostgresOptions),
  })
  ends.push(() => sender.stop())
  return sender
}

/** A schema with its tables. */
async function madeSchema(): Promise<string> {
  const schema = newSchema()
  await senderOn({ schema }).health()
  return schema
}

function poolOf(max: number): Pool {
  const pool = new Pool({ connectionString: server.url, max }).on('error', () => {})
  ends.push(() => pool.end())
  return pool
}

async function clientOn(connectionString = server.url): Promise<Client> {
  const client = new Client({ connectionString })
  client.on('error', () => {})
  await client.connect()
  ends.push(() => client.end())
  return client
}

function urlOf(user: string, password: string): string {
  const url = new URL(server.url)
  url.username = user
  url.password = password
  return url.href
}

async function makeUser(schema: string, rights: string): Promise<string> {
  const name = `user_${schema}`
  await server.query(`CREATE ROLE ${name} LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA ${schema} TO ${name};
    GRANT ${rights} ON ALL TABLES IN SCHEMA ${schema} TO ${name}`)
  return urlOf(name, 'secret')
}

async function eventsIn(schema: string): Promise<number> {
  const [row] = await server.query<{ count: string }>(`SELECT count(*) FROM ${schema}.hookferry_event`)
  return Number(row!.count)
}

async function took<T>(work: () => Promise<T>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

describe('the sender', () => {
  it('with wrong credentials refuses at once, again and again, and tells no password', async () => {
    const sender = senderOn({ connectionString: urlOf('postgres', 'wrong-secret') })
    for (let tries = 0; tries < 2; tries++) {
      const error = await sender.send(EVENT).catch((thrown: Error) => thrown)
      expect(error).toMatchObject({ code: 'storage_unavailable', retryable: false })
      expect(JSON.stringify(error) + String((error as Error).stack)).not.toContain('wrong-secret')
    }
    await expect(sender.start()).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  it('whose server is down at start begins once that is there', { timeout: 60_000 }, async () => {
    const schema = newSchema()
    const sender = senderOn({ schema }, { acceptTimeoutMs: 1_000 })
    await server.crash()
    try {
      await expect(sender.start()).rejects.toMatchObject({ code: 'storage_unavailable', retryable: true })
      await expect(sender.send(EVENT)).rejects.toMatchObject({ retryable: true })
    } finally {
      await server.start()
    }
    await sender.start()
    await sender.send(EVENT)
    expect(await eventsIn(schema)).toBe(1)
  })

  it('whose server dies later loses nothing that it acknowledged', { timeout: 60_000 }, async () => {
    const schema = newSchema()
    const sender = senderOn({ schema }, { acceptTimeoutMs: 1_000 })
    await sender.start()
    const accepted = new Set<string>()
    const sending = (n: number) => sender.send({ ...EVENT, id: `evt_${n}` }).then(({ id }) => accepted.add(id))
    const first = Promise.allSettled(Array.from({ length: 200 }, (_, n) => sending(n)))
    await server.crash()
    await first
    await expect(sending(1_000)).rejects.toMatchObject({ retryable: true })
    await server.start()
    await sending(1_001)
    const rows = await server.query<{ id: string }>(`SELECT id FROM ${schema}.hookferry_event`)
    const there = new Set(rows.map(({ id }) => id))
    expect([...accepted].filter((id) => !there.has(id))).toEqual([])
  })

  it('of a later schema is told to upgrade, and writes nothing', async () => {
    const schema = await madeSchema()
    await server.query(`UPDATE ${schema}.hookferry_meta SET value = 99 WHERE name = 'version'`)
    const sender = senderOn({ schema })
    await expect(sender.send(EVENT)).rejects.toMatchObject({
      code: 'storage_version',
      retryable: false,
      message: expect.stringMatching(/version 99.*Upgrade hookferry/),
    })
    expect(await eventsIn(schema)).toBe(0)
  })

  it('without rights on its tables is told which', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema, connectionString: await makeUser(schema, 'SELECT, INSERT') })
    await expect(sender.send(EVENT)).rejects.toMatchObject({
      code: 'storage_read_only',
      retryable: false,
      message: expect.stringMatching(/UPDATE on hookferry_/),
    })
  })
})

describe('sendIn', () => {
  it('needs no more rights than to write events; without them it is told so, and the transaction can be rolled back', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema })
    const client = await clientOn(await makeUser(schema, 'SELECT'))
    await client.query('BEGIN')
    await expect(sender.sendIn(client, EVENT)).rejects.toMatchObject({ code: 'storage_read_only', retryable: false })
    await expect(sender.sendIn(client, EVENT)).rejects.toMatchObject({ code: 'transaction_aborted' })
    await client.query('ROLLBACK')
    expect(await eventsIn(schema)).toBe(0)
  })

  it('works whatever the credentials of the sender, since the connection is the host’s', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema, connectionString: urlOf('postgres', 'wrong-secret') })
    const client = await clientOn()
    await client.query('BEGIN')
    await sender.sendIn(client, EVENT)
    await client.query('COMMIT')
    expect(await eventsIn(schema)).toBe(1)
  })

  it('refuses what is no transaction of Postgres, and leaves the one at hand as it is', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema })
    const pool = poolOf(2)
    const client = await pool.connect()
    await client.query('BEGIN')
    for (const tx of [null, pool, new Kysely({ dialect: new PostgresDialect({ pool }) }), {}]) {
      await expect(sender.sendIn(tx as never, EVENT)).rejects.toMatchObject({
        name: 'ArgumentError',
        path: 'sendIn.tx',
      })
    }
    await sender.sendIn(client, EVENT)
    await client.query('COMMIT')
    client.release()
    expect(await eventsIn(schema)).toBe(1)
  })

  it('refuses a client before BEGIN and after COMMIT', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema })
    const client = await clientOn()
    const refused = { code: 'not_in_transaction', retryable: false }
    await expect(sender.sendIn(client, EVENT)).rejects.toMatchObject(refused)
    await client.query('BEGIN')
    await client.query('COMMIT')
    await expect(sender.sendIn(client, EVENT)).rejects.toMatchObject(refused)
    const db = new Kysely({ dialect: new PostgresDialect({ pool: poolOf(1) }) })
    const unawaited: Promise<unknown>[] = []
    await db.transaction().execute(async (trx) => {
      const tx = kyselyTx(trx)
      setTimeout(() => unawaited.push(sender.sendIn(tx, EVENT).catch((error) => error)), 50)
    })
    await expect.poll(() => unawaited.length).toBe(1)
    expect(await unawaited[0]).toMatchObject(refused)
    expect(await eventsIn(schema)).toBe(0)
  })

  it('in a transaction that may not write is told so', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema })
    const client = await clientOn()
    await client.query('BEGIN READ ONLY')
    await expect(sender.sendIn(client, EVENT)).rejects.toMatchObject({ code: 'storage_read_only' })
    await client.query('ROLLBACK')
  })

  it('by a connection that dies under it is told so, and nothing is written', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema })
    const client = await clientOn()
    await client.query('BEGIN')
    await sender.sendIn(client, EVENT)
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await server.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid])
    const refusal = await sender.sendIn(client, EVENT).catch((error) => error)
    expect(refusal).toMatchObject({ code: 'storage_unavailable', retryable: true })
    expect(await eventsIn(schema)).toBe(0)
  })

  it('refuses an event that is none before it asks anything of the transaction', async () => {
    const schema = await madeSchema()
    const sender = senderOn({ schema })
    const client = await clientOn()
    await client.query('BEGIN')
    await expect(sender.sendIn(client, { type: '', data: {} })).rejects.toMatchObject({ name: expect.any(String) })
    await sender.sendIn(client, EVENT)
    await client.query('COMMIT')
    expect(await eventsIn(schema)).toBe(1)
  })
})

describe('a pool of one connection', () => {
  it('is enough for sendIn, while that one has the transaction', async () => {
    const schema = await madeSchema()
    const pool = poolOf(1)
    const sender = senderOn({ schema, pool, connectionString: undefined } as never)
    const client = await pool.connect()
    await client.query('BEGIN')
    expect(await took(() => sender.sendIn(client, EVENT))).toBeLessThan(5_000)
    await client.query('COMMIT')
    client.release()
    await sender.send(EVENT)
    expect(await eventsIn(schema)).toBe(2)
  })

  it('is enough for sendIn of a sender that delivers', async () => {
    const schema = await madeSchema()
    const pool = poolOf(1)
    const sender = senderOn({ schema, pool, connectionString: undefined } as never)
    await sender.start()
    const client = await pool.connect()
    await client.query('BEGIN')
    expect(await took(() => sender.sendIn(client, EVENT))).toBeLessThan(5_000)
    // Longer than what tells the others waits for a connection of the pool.
    await client.query('SELECT pg_sleep(0.3)')
    await client.query('COMMIT')
    client.release()
    await expect.poll(async () => (await sender.health()).pending, { timeout: 10_000 }).toBe(0)
    expect(await eventsIn(schema)).toBe(1)
  })

  it('that is never free is told by send in bounded time, and nothing hangs', { timeout: 90_000 }, async () => {
    const schema = await madeSchema()
    const pool = poolOf(1)
    const sender = senderOn({ schema, pool, connectionString: undefined } as never, { acceptTimeoutMs: 2_000 })
    await sender.send(EVENT)
    const client = await pool.connect()
    await client.query('BEGIN')
    const refusal = sender.send(EVENT)
    const duration = took(() => expect(refusal).rejects.toMatchObject({ name: 'WebhookError', retryable: true }))
    expect(await duration).toBeLessThan(15_000)
    await client.query('COMMIT')
    client.release()
    await sender.send(EVENT)
    expect(await eventsIn(schema)).toBeGreaterThanOrEqual(2)
  })

  it('that is never free is told by the first call of a sender, too', { timeout: 90_000 }, async () => {
    const schema = await madeSchema()
    const pool = poolOf(1)
    const sender = senderOn({ schema, pool, connectionString: undefined } as never, { acceptTimeoutMs: 2_000 })
    const client = await pool.connect()
    const duration = took(() => expect(sender.send(EVENT)).rejects.toMatchObject({ retryable: true }))
    expect(await duration).toBeLessThan(15_000)
    client.release()
    await sender.send(EVENT)
    expect(await eventsIn(schema)).toBe(1)
  })
})
