import Database from 'better-sqlite3'
import { createWebhookSender, type Transport } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { DATA, quantile } from '../loop.ts'
import { median, publish } from '../report.ts'
import { endpointId, fill, NETWORK, NO_HTTP, withFile } from './fill.ts'

/**
 * `tsx test/bench/scale/weather.ts [pending]`: how long it takes from `send` to the request at 950 endpoints, while 50 others hang to
 * their deadline with 50,000 deliveries pending, and without. Interleaved, over a transport without HTTP. Once after
 * their last attempt showed it, and once from a start at which nobody knows yet that they hang.
 */

const PENDING = Number(process.argv[2] ?? 50_000)
const ENDPOINTS = 1_000
const HANGING = 50
const RUNS = 3
const EVERY_MS = 5
const SECONDS = 6
const DEADLINE_MS = 3_000

const filling = (events: number) => ({
  tenants: HANGING,
  endpoints: ENDPOINTS,
  events,
  perEvent: 1,
  state: '0',
  spanMs: 3_600_000,
  bodyBytes: 1_024,
  attempts: false,
})

const isHanging = (url: string) => Number(/host-(\d+)\./.exec(url)?.[1] ?? HANGING + 1) <= HANGING

/** All that is pending stands in the lanes of those that hang: each event's tenant has one of them. `known`: since their last attempt. */
function toHanging(path: string, known: boolean): void {
  const db = new Database(path)
  db.pragma('synchronous = OFF')
  db.exec(`UPDATE hookferry_delivery SET endpoint_key = tenant_key WHERE state = 0;
    UPDATE hookferry_lane SET ready_at = (
      SELECT min(due_at) FROM hookferry_delivery INDEXED BY hookferry_delivery_pending
      WHERE endpoint_key = hookferry_lane.endpoint_key AND state = 0)`)
  if (known) {
    db.exec(`UPDATE hookferry_lane SET struggling = 1, failures = 1, failing_since = state_changed_at, last_failure_at = state_changed_at
      WHERE endpoint_key <= ${HANGING}`)
  }
  db.close()
}

/** Milliseconds from each `send` to its request. */
async function latencies(path: string): Promise<number[]> {
  const arrived = new Map<string, number>()
  const transport: Transport = {
    ...NO_HTTP,
    send: (request) => {
      if (isHanging(request.url)) {
        return new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)))
      }
      arrived.set(request.headers['webhook-id'] ?? '', performance.now())
      return NO_HTTP.send(request)
    },
  }
  const sender = createWebhookSender({
    storage: sqlite({ path }),
    transport,
    network: NETWORK,
    runtime: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    attempt: { deadlineMs: DEADLINE_MS, connectMs: 1_000 },
  })
  await sender.start()
  const sent = new Map<string, number>()
  const sends: Promise<unknown>[] = []
  const began = performance.now()
  for (let count = 0; count < (SECONDS * 1_000) / EVERY_MS; count++) {
    const wait = began + count * EVERY_MS - performance.now()
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
    const number = HANGING + 1 + (count % (ENDPOINTS - HANGING))
    const at = performance.now()
    const tenant = number % HANGING === 1 ? 'default' : `tenant ${((number - 1) % HANGING) + 1}`
    const event = { tenant, type: 'invoice.paid', data: DATA, endpoints: [endpointId(number)] }
    sends.push(sender.send(event).then(({ id }) => sent.set(id, at)))
  }
  await Promise.all(sends)
  const end = performance.now() + DEADLINE_MS
  while (arrived.size < sent.size && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  const now = performance.now()
  const result = [...sent].map(([id, at]) => (arrived.get(id) ?? now) - at)
  await sender.stop({ graceMs: 0 })
  return result
}

const quiet: number[] = []
const known: number[] = []
const unknown: number[] = []
for (let run = 0; run < RUNS; run++) {
  for (const result of [quiet, known, unknown]) {
    await withFile(async (path) => {
      await fill(path, filling(result === quiet ? 2 : PENDING))
      if (result !== quiet) toHanging(path, result === known)
      result.push(quantile(await latencies(path), 0.99))
    })
  }
}
const multiples = (of: number[]) => of.map((p99, run) => p99 / (quiet[run] ?? Number.NaN))
publish('scale-weather', {
  title: `${HANGING} endpoints of ${ENDPOINTS} hang to their deadline, with ${PENDING.toLocaleString('en')} pending`,
  command: 'npm run bench:scale',
  setting: {
    storage: 'SQLite at synchronous=FULL, in this thread',
    'events a second': 1_000 / EVERY_MS,
    'seconds a run': SECONDS,
    'deadline, ms': DEADLINE_MS,
    runs: RUNS,
  },
  figures: [
    median('p99 from send to request at the others, as a multiple of that without', multiples(known), {
      target: { atMost: 1.5 },
    }),
    median('p99 with them', known, { unit: 'ms' }),
    median('p99 without', quiet, { unit: 'ms' }),
    median('the same multiple, from a start at which nobody knows yet that they hang', multiples(unknown), {
      target: { atMost: 1.5 },
    }),
    median('p99 with them then', unknown, { unit: 'ms' }),
  ],
})
