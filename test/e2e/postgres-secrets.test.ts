import { postgres } from 'hookferry/postgres'
import { afterAll, beforeAll, describe } from 'vitest'
import { type Server, startServer } from '../support/postgres/server.ts'
import { secretsUnderLoad } from '../support/secrets-under-load.ts'

const schema = `secrets_${process.pid}`
let server: Server
beforeAll(async () => {
  server = await startServer()
}, 60_000)
afterAll(async () => {
  await server?.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  await server?.stop()
})

describe('Postgres', () => secretsUnderLoad(() => postgres({ connectionString: server.url, schema })))
