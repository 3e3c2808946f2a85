import { afterAll, beforeAll, expect, it } from 'vitest'
import { postgres } from '../../../src/storage/postgres/index.ts'
import { NOW, offer } from '../../../src/testing/storage-suite/fixtures.ts'
import { type Server, startServer } from '../../support/postgres/server.ts'

const schema = `hookferry_fan_outs_${process.pid}`

let server: Server

beforeAll(async () => {
  server = await startServer()
}, 60_000)

afterAll(async () => {
  await server?.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  await server?.stop()
})

it('what waits behind one ordering key is passed over for what others have to do', async () => {
  const storage = postgres({ connectionString: server.url, schema })
  await storage.open({ now: NOW })
  const background = (id: string, orderingKey?: string) =>
    offer(storage, { id, fanOut: 'background', ...(orderingKey === undefined ? {} : { orderingKey }) })
  for (let n = 0; n < 60; n++) await background(`evt_queue_${n}`, 'long')
  for (const key of ['a', 'b', 'c']) for (const n of [0, 1]) await background(`evt_${key}_${n}`, key)
  await background('evt_alone')
  const ids = (await storage.pendingFanOuts({ limit: 10 })).map(({ event }) => event.id)
  expect(ids).toEqual(['evt_queue_0', 'evt_a_0', 'evt_b_0', 'evt_c_0', 'evt_alone'])
  await storage.close()
})
