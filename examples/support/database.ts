import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { startOwnServer } from '../../test/support/postgres/server.ts'
import { until } from './until.ts'

/** An empty Postgres database for one run of an example. */
export interface Database {
  url: string
  remove(): Promise<void>
}

/** On the server that DATABASE_URL names, or on one that is started for it. */
export async function startDatabase(): Promise<Database> {
  const server = process.env.DATABASE_URL
  if (server === undefined) {
    const { url, stop } = await startOwnServer()
    return { url, remove: () => untilLeft(url).finally(stop) }
  }
  const name = `hookferry_example_${randomBytes(6).toString('hex')}`
  await run(server, `CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    remove: () => untilLeft(url.href).finally(() => run(server, `DROP DATABASE ${name} WITH (FORCE)`)),
  }
}

/** A pool of pg has ended before its connections have: the server would end them, and each would tell of it as of an error. */
async function untilLeft(url: string): Promise<void> {
  const others = `SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`
  await until(async () => (await run(url, others)).length === 0)
}

async function run(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(sql).finally(() => client.end())
  return rows
}
