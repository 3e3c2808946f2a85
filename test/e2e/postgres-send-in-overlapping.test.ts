/** Calls of sendIn that overlap with each other, or with the end of their transaction. */
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Catalog } from '../../src/catalog.ts'
import { createWebhookSender, type WebhookSender } from '../../src/sender.ts'
import { type PostgresStorage, postgres } from '../../src/storage/postgres/index.ts'
import { type Server, startServer } from '../support/postgres/server.ts'

let server: Server
let sender: WebhookSender<Catalog, PostgresStorage>
let host: Client
let schemas = 0

beforeAll(async () => {
  server = await startServer()
}, 60_000)

beforeEach(async () => {
  const schema = `overlapping_${process.pid}_${schemas++}`
  sender = createWebhookSender({ storage: postgres({ connectionString: server.url, schema }) })
  await sender.health()
  host = new Client({ connectionString: server.url })
  await host.connect()
})

afterEach(async () => {
  await host.end()
  await sender.stop()
})

afterAll(() => server?.stop())

const EVENT = { type: 'invoice.paid', data: 1 }

const stored = async () => (await sender.events.list()).items.length

it.each(['ROLLBACK', 'COMMIT'])('one that comes while %s is on its way writes nothing', async (end) => {
  await host.query('BEGIN')
  const ending = host.query(end)
  await expect(sender.sendIn(host, EVENT)).rejects.toMatchObject({ code: 'not_in_transaction' })
  await ending
  expect(await stored()).toBe(0)
})

it('several at once in one transaction are all written with its commit', async () => {
  // A client that does not tell its state.
  const tx = { query: (text: string, values: unknown[]) => host.query(text, values) }
  await host.query('BEGIN')
  await Promise.all(Array.from({ length: 20 }, () => sender.sendIn(tx, EVENT)))
  await Promise.all(Array.from({ length: 20 }, () => sender.sendIn(host, EVENT)))
  expect(await stored()).toBe(0)
  await host.query('COMMIT')
  expect(await stored()).toBe(40)
})
