import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { DATA } from '../loop.ts'
import { median, publish } from '../report.ts'
import { fill, NETWORK, NO_HTTP, withFile } from './fill.ts'
import { rssMb } from './watch.ts'

/**
 * `tsx test/bench/scale/backlog.ts [pending]`: deliveries a second out of a backlog of 1,000,000 over 10,000 endpoints, against as many
 * endpoints whose only backlog is what is sent for the measurement. Interleaved, each in a process of its own, over a transport
 * without HTTP, so that the database is what is compared. Also: resident memory, and the time from nothing to the first attempt.
 */

const PENDING = Number(process.argv[2] ?? 1_000_000)
const ENDPOINTS = 10_000
const RUNS = 3
/** Delivered in each run. */
const MEASURED = 20_000

interface Drained {
  startMs: number
  perSecond: number
  rssMostMb: number
  idleRssMb: number
}

async function drainOnce(path: string): Promise<Drained> {
  const began = performance.now()
  let firstAt = 0
  let left = MEASURED
  let rssMostMb = 0
  const sender = createWebhookSender({
    storage: sqlite({ path }),
    transport: {
      ...NO_HTTP,
      send: (request) => {
        if (firstAt === 0) firstAt = performance.now()
        return NO_HTTP.send(request)
      },
    },
    network: { ...NETWORK },
    runtime: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    concurrency: { total: 256, perEndpoint: 10 },
  })
  const done = new Promise<void>((resolve) => {
    sender.on('delivery.delivered', () => {
      if (left % 500 === 0) rssMostMb = Math.max(rssMostMb, rssMb())
      left -= 1
      if (left === 0) resolve()
    })
  })
  await sender.start()
  await done
  const perSecond = MEASURED / ((performance.now() - firstAt) / 1_000)
  await sender.stop({ graceMs: 2_000 })
  return { startMs: firstAt - began, perSecond, rssMostMb, idleRssMb: rssMb() }
}

async function inOwnProcess(path: string): Promise<Drained> {
  const child = fork(fileURLToPath(import.meta.url), ['child', path], { execArgv: ['--import', 'tsx'] })
  const [result] = (await once(child, 'message')) as [Drained]
  await once(child, 'exit')
  return result
}

const filling = (pending: number) => ({
  tenants: 1,
  endpoints: ENDPOINTS,
  events: pending,
  perEvent: 1,
  state: '0',
  spanMs: 3_600_000,
  bodyBytes: JSON.stringify(DATA).length,
  attempts: false,
})

async function main(): Promise<void> {
  const full: Drained[] = []
  const empty: Drained[] = []
  await withFile(async (path) => {
    await fill(path, filling(PENDING))
    process.stdout.write('filled\n')
    for (let run = 0; run < RUNS; run++) {
      await withFile(async (other) => {
        await fill(other, filling(MEASURED + 1_000))
        empty.push(await inOwnProcess(other))
      })
      full.push(await inOwnProcess(path))
    }
  })
  const ratios = full.map(({ perSecond }, run) => perSecond / (empty[run]?.perSecond ?? Number.NaN))
  publish('scale-backlog', {
    title: `${PENDING.toLocaleString('en')} deliveries pending over ${ENDPOINTS.toLocaleString('en')} endpoints`,
    command: 'npm run bench:scale',
    setting: {
      storage: 'SQLite at synchronous=FULL, in this thread',
      endpoints: ENDPOINTS,
      'in flight': 256,
      'delivered in a run': MEASURED,
      runs: RUNS,
    },
    figures: [
      median('throughput as a share of that with next to nothing pending', ratios, { target: { atLeast: 0.8 } }),
      median(
        'deliveries a second, with the backlog',
        full.map((one) => one.perSecond),
        { unit: '/s' },
      ),
      median(
        'deliveries a second, without',
        empty.map((one) => one.perSecond),
        { unit: '/s' },
      ),
      median(
        'resident memory, at most',
        full.map((one) => one.rssMostMb),
        { unit: 'MB', target: { atMost: 250 } },
      ),
      median(
        'from createWebhookSender to the first request',
        full.map((one) => one.startMs),
        {
          unit: 'ms',
          target: { atMost: 1_000 },
        },
      ),
    ],
  })
}

const [, , role, path] = process.argv
if (role === 'child' && path !== undefined) {
  process.send?.(await drainOnce(path))
  process.disconnect?.()
} else {
  await main()
}
