import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createWebhookSender } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { sqlite } from 'hookferry/sqlite'
import type { Storage } from 'hookferry/storage'
import { startOwnServer } from '../support/postgres/server.ts'
import { closedLoop } from './loop.ts'

/**
 * `npm run bench:size`: bytes in the database for an event with 1 KB of body, one delivery and one successful attempt, whose
 * response has 300 bytes of headers (names and values) and 100 of body. As written, and after VACUUM; tables and indexes.
 */

const EVENTS = 4_000
const IN_FLIGHT = 64
const BODY_BYTES = 1_024
const HEADERS = { 'content-type': 'application/json', connection: 'keep-alive', 'x-trace': 'x'.repeat(228) }

const receiver = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.sendDate = false
    response.writeHead(200, { ...HEADERS, 'content-length': 100 }).end('y'.repeat(100))
  })
})
receiver.listen(0, '127.0.0.1')
await once(receiver, 'listening')
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`

async function deliverAll(storage: Storage): Promise<void> {
  const sender = createWebhookSender({
    storage,
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    concurrency: { total: IN_FLIGHT, perEndpoint: IN_FLIGHT },
  })
  await sender.endpoints.create({ url })
  await sender.start()
  const body = new Uint8Array(BODY_BYTES).fill(97)
  await closedLoop(EVENTS, IN_FLIGHT, async () => {
    const { id } = await sender.send({ type: 'invoice.paid', body, contentType: 'text/plain' })
    await sender.events.wait(id, { timeoutMs: 30_000 })
  })
  await sender.stop()
}

function print(name: string, written: number, vacuumed: number): void {
  const each = (bytes: number) => `${Math.round(bytes / EVENTS)} bytes`
  process.stdout.write(`${name}: ${each(written)} an event as written, ${each(vacuumed)} after VACUUM\n`)
}

async function onSqlite(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-size-'))
  const path = join(folder, 'size.db')
  try {
    await deliverAll(sqlite({ path }))
    const written = statSync(path).size
    new Database(path).exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)').close()
    print('SQLite', written, statSync(path).size)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function onPostgres(): Promise<void> {
  const server = await startOwnServer()
  const size = async () => {
    const [row] = await server.query<{ bytes: string }>(`
      SELECT sum(pg_total_relation_size(oid)) AS bytes FROM pg_class
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`)
    return Number(row?.bytes)
  }
  try {
    await deliverAll(postgres({ connectionString: server.url }))
    const written = await size()
    await server.query('VACUUM FULL')
    print('Postgres', written, await size())
  } finally {
    await server.stop()
  }
}

await onSqlite()
await onPostgres()
receiver.closeAllConnections()
receiver.close()
