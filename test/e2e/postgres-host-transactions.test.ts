/** Many transactions of hosts are open at once, and all of them send: none waits for another, nor anybody for them. */
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { postgres } from '../../src/storage/postgres/index.ts'
import { insertEventIn } from '../../src/storage/postgres/insert-event-in.ts'
import { settingsOf } from '../../src/storage/postgres/options.ts'
import { addEndpoint, NOW, newTxEvent, offer } from '../../src/testing/storage-suite/fixtures.ts'
import { type Server, startServer } from '../support/postgres/server.ts'

const HOSTS = 50
/** The first has an endpoint, the others were never seen before. */
const TENANTS = ['acme', 'fresh', 'fresh too']

let server: Server
const schema = `host_transactions_${process.pid}`
const open: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  server = await startServer()
}, 60_000)

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
  await server.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
})

afterAll(() => server?.stop())

async function client(): Promise<Client> {
  const one = new Client({ connectionString: server.url })
  await one.connect()
  open.push(() => one.end())
  // Who waits for an open transaction is told at once that it does.
  await one.query(`SET lock_timeout = '1s'`)
  return one
}

it('50 open transactions send to the same tenants before any of them commits', async () => {
  const settings = settingsOf({ connectionString: server.url, schema })
  const storage = postgres({ connectionString: server.url, schema })
  await storage.open({ now: NOW })
  open.push(() => storage.close())
  await addEndpoint(storage, 'ep_a', 'acme')
  const hosts = await Promise.all(Array.from({ length: HOSTS }, client))

  let sent = 0
  await Promise.all(
    hosts.map(async (host, index) => {
      await host.query('BEGIN')
      // Each in an order of its own, so that who waited would do so in a circle.
      for (let n = 0; n < TENANTS.length; n++) {
        const tenant = TENANTS[(n + index) % TENANTS.length]!
        const choices = { id: `evt_${index}_${n}`, tenant, key: `key ${index}`, orderingKey: 'the same' }
        const input = { now: NOW, event: await newTxEvent(storage, choices) }
        const result = await insertEventIn((text, values) => host.query(text, values), settings, input)
        expect(result).toEqual({ status: 'inserted' })
        sent++
      }
    }),
  )
  expect(sent).toBe(HOSTS * TENANTS.length)

  // All are open still.
  for (const tenant of TENANTS) {
    const id = `ep_${TENANTS.indexOf(tenant)}`
    expect((await addEndpoint(storage, id, tenant)).tenant).toBe(tenant)
    const beside = { id: `evt_beside_${id}`, tenant, to: [id], key: 'own key', orderingKey: 'the same' }
    expect((await offer(storage, beside)).status).toBe('inserted')
  }
  expect(await storage.pendingFanOuts({ limit: 10 })).toEqual([])

  await Promise.all(hosts.map((host, index) => host.query(index % 5 === 0 ? 'ROLLBACK' : 'COMMIT')))
  const [kept] = await server.query<{ count: string }>(
    `SELECT count(*) AS count FROM ${schema}.hookferry_event WHERE fan_cursor = ''`,
  )
  expect(Number(kept?.count)).toBe((HOSTS * TENANTS.length * 4) / 5)
  const fanOuts = await storage.pendingFanOuts({ limit: 10 })
  expect(fanOuts.map(({ event }) => event.tenant).sort()).toEqual(TENANTS)
})
