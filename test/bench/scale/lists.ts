import { ALL_TENANTS, createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { quantile } from '../loop.ts'
import { publish } from '../report.ts'
import { endpointId, eventId, fill, NETWORK, NO_HTTP, withFile } from './fill.ts'

/**
 * `tsx test/bench/scale/lists.ts [deliveries]`: a page of each list with every combination of filters, by default at 5,000,000
 * deliveries of 1,000,000 events, in this thread; about 4 GB of disk for some minutes.
 */

const DELIVERIES = Number(process.argv[2] ?? 5_000_000)
const PER_EVENT = 5
const EVENTS = DELIVERIES / PER_EVENT
const SPAN_MS = 6 * 86_400_000
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

await withFile(async (path) => {
  await fill(path, FILLING)
  process.stdout.write('filled\n')
  const sender = createWebhookSender({ storage: sqlite({ path }), transport: NO_HTTP, network: NETWORK })
  await sender.health()
  const { all, worst } = await timePages(sender)
  await sender.stop()
  for (const [name, ms] of worst) process.stdout.write(`  slow: ${ms.toFixed(1)} ms  ${name}\n`)
  publish('scale-lists', {
    title: `Lists at ${DELIVERIES.toLocaleString('en')} deliveries`,
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
    ],
  })
})
