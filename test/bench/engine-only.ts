import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { closedLoop, DATA } from './loop.ts'

/**
 * `npm run bench:engine`: what an event costs without HTTP, over a transport that answers in the next turn of the event loop. Made for
 * profiles: `node --import tsx --cpu-prof test/bench/engine-only.ts`. A real SQLite file at synchronous=FULL, on this thread.
 */

const IN_FLIGHT = 256
const EVENTS = 20_000

const ANSWER = {
  status: 200,
  headers: { connection: 'keep-alive', 'content-length': '2', date: new Date(0).toUTCString() },
  body: Buffer.from('ok'),
  remoteAddress: '127.0.0.1',
  timings: { connectMs: null, tlsMs: null, headersMs: 1, bodyMs: 0 },
}

function senderIn(folder: string): WebhookSender {
  return createWebhookSender({
    storage: sqlite({ path: join(folder, 'engine.db') }),
    transport: {
      name: 'none',
      send: () => new Promise((resolve) => setImmediate(resolve, ANSWER)),
      close: async () => {},
    },
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    concurrency: { total: IN_FLIGHT, perEndpoint: IN_FLIGHT },
  })
}

async function measured(work: (sender: WebhookSender) => Promise<number>): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-engine-'))
  const sender = senderIn(folder)
  try {
    await sender.endpoints.create({ url: 'http://127.0.0.1:9/' })
    return await work(sender)
  } finally {
    await sender.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

const send = (sender: WebhookSender) => sender.send({ type: 'invoice.paid', data: DATA })

const accepts = (sender: WebhookSender) => closedLoop(EVENTS, IN_FLIGHT, () => send(sender))

/** A backlog, so that deliveries are claimed. */
async function saturated(sender: WebhookSender): Promise<number> {
  await accepts(sender)
  let left = EVENTS
  const done = new Promise<void>((resolve) => {
    sender.on('delivery.delivered', () => {
      left -= 1
      if (left === 0) resolve()
    })
  })
  const began = performance.now()
  await sender.start()
  await done
  return EVENTS / ((performance.now() - began) / 1_000)
}

async function inClosedLoop(sender: WebhookSender): Promise<number> {
  await sender.start()
  const waiting = new Map<string, () => void>()
  sender.on('delivery.delivered', ({ eventId }) => waiting.get(eventId)?.())
  return closedLoop(EVENTS, IN_FLIGHT, async () => {
    const { id } = await send(sender)
    // An answer that comes in the next turn can not be told before this.
    await new Promise<void>((resolve) => waiting.set(id, resolve))
    waiting.delete(id)
  })
}

for (const [name, work] of Object.entries({ accepts, saturated, inClosedLoop })) {
  process.stdout.write(`${name.padEnd(14)} ${Math.round(await measured(work))} events/s\n`)
}
