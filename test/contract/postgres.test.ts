import { Client } from 'pg'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { postgres } from '../../src/storage/postgres/index.ts'
import { type HostTransaction, storageSuite } from '../../src/testing/storage-suite.ts'
import { type Server, startServer } from '../support/postgres/server.ts'

let server: Server
let schemas = 0

beforeAll(async () => {
  server = await startServer()
}, 60_000)

afterAll(() => server?.stop())

/** Of a host on a connection of its own; several may be open at once. */
async function begin(): Promise<HostTransaction> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  await client.query('BEGIN')
  const ending = (sql: string) => async () => {
    await client.query(sql)
    await client.end()
  }
  return { tx: client, commit: ending('COMMIT'), rollback: ending('ROLLBACK') }
}

/** Each case has a schema of its own. */
const suite = storageSuite({
  create: () => {
    const schema = `hookferry_contract_${process.pid}_${schemas++}`
    return {
      connect: () => postgres({ connectionString: server.url, schema }),
      begin,
      concurrentTransactions: true,
      destroy: async () => {
        await server.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`)
      },
    }
  },
  supports: postgres({ connectionString: 'postgres://localhost' }).supports,
})

describe('postgres keeps the storage contract', () => {
  for (const { name, run } of suite) it(name, run)
})
