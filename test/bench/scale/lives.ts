import Database from 'better-sqlite3'
import { createWebhookSender, type Transport } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { publish } from '../report.ts'
import { fill, NETWORK, NO_HTTP, withFile } from './fill.ts'

/**
 * `node --expose-gc --import tsx test/bench/scale/lives.ts [events]`: what stays in memory of 200,000 events over 20,000 endpoints of
 * 2,000 tenants, each under a host name of its own. One in ten does not connect, one in fifty has a rate limit. Over a transport
 * without HTTP; the heap is measured after garbage collection, at every quarter of the way.
 */

const EVENTS = Number(process.argv[2] ?? 200_000)
const ENDPOINTS = EVENTS / 10
const TENANTS = ENDPOINTS / 10
const QUARTERS = 4

const FILLING = {
  tenants: TENANTS,
  endpoints: ENDPOINTS,
  events: EVENTS,
  perEvent: 1,
  state: '0',
  spanMs: 3_600_000,
  bodyBytes: 256,
  attempts: false,
}

const REFUSED = {
  transportFailure: true,
  phase: 'connect',
  reason: 'refused',
  connectTimedOut: false,
  message: 'nobody listens',
  status: null,
  headers: {},
  body: null,
  remoteAddress: null,
  timings: { connectMs: null, tlsMs: null, headersMs: null, bodyMs: null },
}

/** The hosts whose number ends in 0 do not connect. */
const SOME_REFUSE: Transport = {
  ...NO_HTTP,
  send: (request) => (/0\.example/.test(request.url) ? Promise.reject(REFUSED) : NO_HTTP.send(request)),
}

function heapMb(): number {
  if (globalThis.gc === undefined) throw new Error('run it with node --expose-gc')
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed / 2 ** 20
}

await withFile(async (path) => {
  await fill(path, FILLING)
  const db = new Database(path)
  db.prepare(
    `UPDATE hookferry_endpoint SET overrides = '{"rateLimit":{"limit":100,"perMs":1000}}' WHERE key % 50 = 7`,
  ).run()
  db.close()
  process.stdout.write('filled\n')
  const sender = createWebhookSender({
    storage: sqlite({ path }),
    transport: SOME_REFUSE,
    network: NETWORK,
    runtime: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    concurrency: { total: 256, perEndpoint: 10 },
  })
  await sender.health()
  const idle = heapMb()
  const heaps: number[] = []
  let attempts = 0
  let allDone = () => {}
  const done = new Promise<void>((resolve) => {
    allDone = resolve
  })
  sender.on('attempt', () => {
    attempts += 1
    if (attempts % (EVENTS / QUARTERS) === 0) heaps.push(heapMb())
    if (heaps.length === QUARTERS) allDone()
  })
  const began = performance.now()
  await sender.start()
  await done
  const perSecond = EVENTS / ((performance.now() - began) / 1_000)
  await sender.stop({ graceMs: 1_000 })
  const [first = 0, second = 0] = heaps
  const last = heaps.at(-1) ?? 0
  for (const heap of heaps) process.stdout.write(`  heap ${heap.toFixed(1)} MB\n`)
  publish('scale-lives', {
    title: `Memory over ${EVENTS.toLocaleString('en')} events and ${ENDPOINTS.toLocaleString('en')} endpoints`,
    command: 'npm run bench:scale',
    setting: { storage: 'SQLite at synchronous=FULL, in this thread', tenants: TENANTS, 'in flight': 256 },
    figures: [
      { label: 'heap after collection, sender open and idle', value: idle, unit: 'MB' },
      { label: 'heap after collection, a quarter of the way', value: first, unit: 'MB' },
      { label: 'heap after collection, all the way', value: last, unit: 'MB' },
      { label: 'growth over the last half', value: last / second, target: { atMost: 1.1 } },
      { label: 'attempts a second', value: perSecond, unit: '/s' },
    ],
  })
})
