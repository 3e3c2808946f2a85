import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { publish } from '../report.ts'
import { fill, NETWORK, NO_HTTP, withFile } from './fill.ts'
import { type Watched, watched } from './watch.ts'

/**
 * `tsx test/bench/scale/replay.ts [deliveries]`: a replay of failed deliveries, by default 100,000. Once into paused endpoints, so that
 * nothing but requeueing is measured, and once while what is requeued is delivered, over a transport without HTTP.
 */

const DELIVERIES = Number(process.argv[2] ?? 100_000)
const ENDPOINTS = 100

const FILLING = {
  tenants: 1,
  endpoints: ENDPOINTS,
  events: DELIVERIES,
  perEvent: 1,
  state: '3',
  spanMs: 86_400_000,
  bodyBytes: 1_024,
  attempts: true,
}

function replayed(paused: boolean): Promise<Watched> {
  return withFile(async (path) => {
    await fill(path, FILLING)
    const sender = createWebhookSender({ storage: sqlite({ path }), transport: NO_HTTP, network: NETWORK })
    if (paused) {
      const { items } = await sender.endpoints.list({ limit: ENDPOINTS })
      for (const { id } of items) await sender.endpoints.pause(id)
    }
    await sender.start()
    const result = await watched(async () => {
      const completed = new Promise<void>((resolve) => {
        sender.on('replay.completed', () => resolve())
      })
      await sender.replay({ state: 'failed' })
      await completed
    })
    await sender.stop({ graceMs: 1_000 })
    return result
  })
}

const alone = await replayed(true)
const beside = await replayed(false)

publish('scale-replay', {
  title: `Replay of ${DELIVERIES.toLocaleString('en')} failed deliveries`,
  command: 'npm run bench:scale',
  setting: { storage: 'SQLite at synchronous=FULL, in this thread', deliveries: DELIVERIES, endpoints: ENDPOINTS },
  figures: [
    {
      label: 'requeued a second, with the count before it, endpoints paused',
      value: DELIVERIES / alone.seconds,
      unit: '/s',
      target: { atLeast: 20_000 },
    },
    {
      label: 'longest stall of the event loop, endpoints paused',
      value: alone.stallMs,
      unit: 'ms',
      target: { atMost: 20 },
    },
    { label: 'resident memory, growth at most', value: alone.rssMostMb - alone.rssBeforeMb, unit: 'MB' },
    { label: 'requeued a second, while it is delivered', value: DELIVERIES / beside.seconds, unit: '/s' },
    {
      label: 'longest stall of the event loop, while it is delivered',
      value: beside.stallMs,
      unit: 'ms',
      target: { atMost: 20 },
    },
    {
      label: 'resident memory, growth at most, while it is delivered',
      value: beside.rssMostMb - beside.rssBeforeMb,
      unit: 'MB',
    },
  ],
})
