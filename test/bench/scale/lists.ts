import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import Database from 'better-sqlite3'
import { ALL_TENANTS, createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { quantile } from '../loop.ts'
import { publish } from '../report.ts'
import { endpointId, eventId, fill, NETWORK, NO_HTTP, withFile } from './fill.ts'
import { watched } from './watch.ts'

/**
 * `tsx test/bench/scale/lists.ts [deliveries]`: a page of each list with every combination of filters, then the pruning of a
 * million rows. By default at 5,000,000 deliveries of 1,000,000 events, in this thread; about 4 GB of disk for some minutes. Pruning is
 * measured in a thread of the storage, too, which is that of the package as built: `npm run build` before.
 */

const DELIVERIES = Number(process.argv[2] ?? 5_000_000)
const PER_EVENT = 5
const EVENTS = DELIVERIES / PER_EVENT
const PRUNED_ROWS = DELIVERIES / 5
const SPAN_MS = 6 * 86_400_000
const AGED_EVENTS = Math.floor(PRUNED_ROWS / (2 * PER_EVENT + 1))
/** Pages of each query, one behind the other. */
const PAGES = 4

const FILLING = {
  tenants: 10,
  endpoints: 1_000,
  events: EVENTS,
  perEvent: PER_EVENT,
  state: 'CASE WHEN n % 100 < 2 THEN 0 WHEN n % 100 < 7 THEN 3 WHEN n % 100 < 8 THEN 4 ELSE 2 END',
  spanMs: SPAN_MS,
  bodyBytes: 256,
  attempts: true,
}

type Call = (cursor: string | undefined) => Promise<{ nextCursor: string | null }>

const choices = <T extends object>(...of: Partial<T>[][]): Partial<T>[] =>
  of.reduce<Partial<T>[]>((all, more) => all.flatMap((one) => more.map((other) => ({ ...one, ...other }))), [{}])

function queries(sender: WebhookSender): [string, Call][] {
  const moment = (share: number) => new Date(Date.now() - SPAN_MS * (1 - share))
  const tenants = [{ tenant: ALL_TENANTS }, { tenant: 'tenant 3' }]
  const times = [
    [{}, { since: moment(0.3) }],
    [{}, { until: moment(0.7) }],
  ]
  // A type that nothing matches is the dearest: all that may be looked at is looked at.
  const types = [{}, { type: 'invoice.paid' }, { type: 'never.sent' }]
  const states = [{}, { state: 'failed' }, { state: 'pending' }, { state: ['failed', 'canceled'] }, { state: 'leased' }]
  const ofEndpoint = [{}, { endpointId: endpointId(13) }]
  const ofEvent = [{}, { eventId: eventId(EVENTS - 7) }]
  const found: [string, Call][] = []
  for (const filter of choices<object>(tenants, types, states, ofEndpoint, ofEvent, ...times)) {
    found.push([`deliveries ${told(filter)}`, (cursor) => sender.deliveries.list({ ...filter, ...after(cursor) })])
  }
  for (const filter of choices<object>(tenants, types, ...times)) {
    found.push([`events ${told(filter)}`, (cursor) => sender.events.list({ ...filter, ...after(cursor) })])
  }
  for (const filter of choices<object>(tenants, [{}, { state: 'disabled' }, { state: 'active' }])) {
    found.push([`endpoints ${told(filter)}`, (cursor) => sender.endpoints.list({ ...filter, ...after(cursor) })])
  }
  return found
}

const after = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor })

function told(filter: object): string {
  return Object.keys(filter).length === 0
    ? '(all)'
    : Object.entries(filter)
        .map(([name, value]) => `${name}=${typeof value === 'symbol' ? '*' : value instanceof Date ? '…' : value}`)
        .join(' ')
}

async function timePages(sender: WebhookSender): Promise<{ all: number[]; worst: [string, number][] }> {
  const all: number[] = []
  const worst: [string, number][] = []
  const take = async (name: string, call: Call) => {
    let cursor: string | undefined
    for (let page = 0; page < PAGES && cursor !== null; page++) {
      const began = performance.now()
      const { nextCursor } = await call(cursor)
      const ms = performance.now() - began
      all.push(ms)
      worst.push([name, ms])
      if (nextCursor === null) return
      cursor = nextCursor
    }
  }
  for (const [name, call] of queries(sender)) await take(name, call)
  const { items } = await sender.deliveries.list({ tenant: ALL_TENANTS, limit: 100 })
  for (const { id } of items) await take('attempts', (cursor) => sender.deliveries.attempts(id, after(cursor)))
  return { all, worst: worst.sort(([, a], [, b]) => b - a).slice(0, 8) }
}

/** So many of the rows as pruned are past their retention; events, deliveries and attempts count. */
function age(path: string): void {
  const db = new Database(path)
  db.pragma('synchronous = OFF')
  db.prepare(
    `UPDATE hookferry_delivery SET state = 2, ended_at = created_at - ${2 * SPAN_MS} WHERE event_key BETWEEN 1 AND ?`,
  ).run(AGED_EVENTS)
  db.prepare(`UPDATE hookferry_event SET created_at = created_at - ${2 * SPAN_MS} WHERE key <= ?`).run(AGED_EVENTS)
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

/** The longest that the disk itself takes for a commit's worth of bytes: nothing that commits in this thread stalls it less. */
function longestSyncMs(path: string): number {
  const file = openSync(`${path}-sync`, 'w')
  let longest = 0
  for (let count = 0; count < 2_000; count++) {
    writeSync(file, Buffer.alloc(64 * 1024, count), 0, 64 * 1024, (count % 64) * 64 * 1024)
    const began = performance.now()
    fdatasyncSync(file)
    longest = Math.max(longest, performance.now() - began)
  }
  closeSync(file)
  return longest
}

/** Until a share of what is to be pruned is left. */
async function prune(path: string, { thread, left }: { thread: boolean; left: number }) {
  const db = new Database(path, { readonly: true })
  const old = db.prepare('SELECT count(*) AS count FROM hookferry_event WHERE created_at < ?')
  const sender = createWebhookSender({ storage: sqlite({ path, thread }), transport: NO_HTTP, network: NETWORK })
  // Only pruning is measured: nothing is due.
  await sender.health()
  const result = await watched(async () => {
    await sender.start()
    const until = Date.now() - 1.5 * SPAN_MS
    const count = () => (old.get(until) as { count: number }).count
    while (count() > left * AGED_EVENTS) await new Promise((resolve) => setTimeout(resolve, 50))
  })
  await sender.stop()
  db.close()
  return result
}

await withFile(async (path) => {
  await fill(path, FILLING)
  process.stdout.write('filled\n')
  const sender = createWebhookSender({ storage: sqlite({ path }), transport: NO_HTTP, network: NETWORK })
  await sender.health()
  const { all, worst } = await timePages(sender)
  await sender.stop()
  for (const [name, ms] of worst) process.stdout.write(`  slow: ${ms.toFixed(1)} ms  ${name}\n`)
  const parked = new Database(path)
  parked.exec(`UPDATE hookferry_delivery SET state = 4, ended_at = created_at WHERE state = 0;
    UPDATE hookferry_lane SET ready_at = NULL; UPDATE hookferry_tenant SET ready_at = NULL`)
  parked.close()
  age(path)
  const syncMs = longestSyncMs(path)
  const inThread = await prune(path, { thread: true, left: 0.5 })
  const pruned = await prune(path, { thread: false, left: 0 })
  publish('scale-lists', {
    title: `Lists and pruning at ${DELIVERIES.toLocaleString('en')} deliveries`,
    command: 'npm run bench:scale',
    setting: {
      storage: 'SQLite at synchronous=FULL, in this thread',
      deliveries: DELIVERIES,
      events: EVENTS,
      endpoints: FILLING.endpoints,
      pages: all.length,
    },
    figures: [
      { label: 'a page of any list, p99', value: quantile(all, 0.99), unit: 'ms', target: { atMost: 20 } },
      { label: 'a page of any list, p50', value: quantile(all, 0.5), unit: 'ms' },
      { label: 'the slowest page', value: Math.max(...all), unit: 'ms' },
      {
        label: `pruning ${(PRUNED_ROWS / 2).toLocaleString('en')} rows: longest stall of the event loop, thread: true`,
        value: inThread.stallMs,
        unit: 'ms',
        target: { atMost: 20 },
      },
      {
        label: 'pruning as many: longest stall, in this thread',
        value: pruned.stallMs,
        unit: 'ms',
        target: { atMost: 20 },
      },
      { label: 'the longest of 2,000 bare fdatasync of 64 KB on the same disk', value: syncMs, unit: 'ms' },
      { label: 'rows pruned a second, in this thread', value: PRUNED_ROWS / 2 / pruned.seconds, unit: '/s' },
    ],
  })
})
