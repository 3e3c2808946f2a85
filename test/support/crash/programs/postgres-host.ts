/** A host that makes orders in transactions of its own, events in each, takes half of them back, and is killed. */
import { writeSync } from 'node:fs'
import { createWebhookSender, type EventInput } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { Client } from 'pg'
import { config } from './report.ts'

/** The transactions of one life, by their numbers; `dieAt` of them is the last to begin. */
export interface HostConfig {
  url: string
  connections: number
  from: number
  to: number
  /** Null: from outside, or not at all. */
  dieAt: number | null
  dieWhen: 'row written' | 'event written' | 'commit sent' | 'committed'
}

const { url, connections, from, to, dieAt, dieWhen } = config<HostConfig>()
const sender = createWebhookSender({ storage: postgres({ connectionString: url }) })
await sender.health()

let next = from
await Promise.all(Array.from({ length: connections }, work))
await sender.stop()

async function work(): Promise<void> {
  const client = new Client({ connectionString: url, application_name: 'host' })
  await client.connect()
  while (next < to) {
    const n = next++
    say('begun', n)
    const isCommitted = await make(client, n)
    if (isCommitted) point(n, 'committed')
    say(isCommitted ? 'committed' : 'rolled-back', n)
  }
  await client.end()
}

/** False: taken back. What stood in the way of another's is run again from its beginning, like any host does. */
async function make(client: Client, n: number): Promise<boolean> {
  for (;;) {
    try {
      await order(client, n)
      if (n % 2 === 0) {
        await commit(client, n)
        return true
      }
      // Half of what is taken back is so by the server.
      if (n % 4 === 3) await client.query('SELECT 1 / 0').catch(() => {})
      await client.query('ROLLBACK')
      return false
    } catch (error) {
      if ((error as { retryable?: boolean }).retryable !== true) throw error
      await client.query('ROLLBACK')
      say('again', n)
    }
  }
}

async function order(client: Client, n: number): Promise<void> {
  // One that can not tell its state is asked by a statement more.
  const tx = n % 9 === 0 ? { query: (text: string, values: unknown[]) => client.query(text, values) } : client
  const event = eventOf(n)
  await client.query(n % 5 === 0 ? 'BEGIN ISOLATION LEVEL REPEATABLE READ' : 'BEGIN')
  await client.query('INSERT INTO orders (n, key) VALUES ($1, $2)', [n, event.idempotencyKey])
  point(n, 'row written')
  if (n % 16 === 8) {
    await client.query('SAVEPOINT s')
    await sender.sendIn(tx, event)
    await client.query('ROLLBACK TO SAVEPOINT s')
  }
  const ids = [(await sender.sendIn(tx, event)).id]
  if (n % 7 === 0) ids.push((await sender.sendIn(tx, { type: 'order.noted', data: { n } })).id)
  await client.query('UPDATE orders SET event_ids = $1 WHERE n = $2', [ids, n])
  point(n, 'event written')
}

/** Four in a row share an event and its key at times: one of them at most makes it, and those that wait for it learn of it. */
function eventOf(n: number): EventInput {
  const four = Math.floor(n / 4)
  if (four % 5 === 0) return { type: 'order.shared', data: { four }, idempotencyKey: `four ${four}` }
  return {
    type: 'order.made',
    data: { n },
    ...(n % 3 === 0 ? { idempotencyKey: `order ${n}` } : {}),
    ...(n % 8 < 2 ? { orderingKey: `line ${n % 80}` } : {}),
  }
}

async function commit(client: Client, n: number): Promise<void> {
  const committed = client.query('COMMIT')
  // Nobody is there any more to be told how it ended.
  point(n, 'commit sent')
  await committed
}

function point(n: number, when: HostConfig['dieWhen']): void {
  if (n === dieAt && when === dieWhen) process.kill(process.pid, 'SIGKILL')
}

/** Has left this process when it returns. */
function say(what: string, n: number): void {
  const bytes = Buffer.from(`${what} ${n}\n`)
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      // A full pipe: the reader is behind.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
