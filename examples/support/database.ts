import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { startOwnServer } from '../../test/support/postgres/server.ts'

/** An empty Postgres database for one run of an example. */
export interface Database {
  url: string
  remove(): Promise<void>
}

/** On the server that DATABASE_URL names, or on one that is started for it. */
export async function startDatabase(): Promise<Database> {
  const server = process.env.DATABASE_URL
  if (server === undefined) {
    const own = await startOwnServer()
    return { url: own.url, remove: () => own.stop() }
  }
  const name = `hookferry_example_${randomBytes(6).toString('hex')}`
  await run(server, `CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, remove: () => run(server, `DROP DATABASE ${name} WITH (FORCE)`) }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}
