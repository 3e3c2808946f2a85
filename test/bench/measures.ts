import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import fetch from 'node-fetch'

/** The single measurements of the bench. Each makes and closes what it needs; all use one sink. */

export interface Sink {
  url: string
  process: ChildProcess
}

export async function startSink(): Promise<Sink> {
  const child = fork(fileURLToPath(new URL('./sink.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  const [port] = await once(child, 'message')
  return { url: `http://127.0.0.1:${port}/`, process: child }
}

export const IN_FLIGHT = 64
export const ACCEPTS = 20_000
export const DELIVERIES = 8_000
const LATENCIES = 400
/** About 1 KiB of body with its envelope. */
const DATA = { invoice: 'inv_1', text: 'x'.repeat(900) }
const BODY = JSON.stringify({ type: 'invoice.paid', timestamp: new Date(0).toISOString(), data: DATA })

function benchSender(folder: string, name: string): { sender: WebhookSender; path: string } {
  const path = join(folder, `${name}.db`)
  const sender = createWebhookSender({
    storage: sqlite({ path }),
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    concurrency: { total: IN_FLIGHT, perEndpoint: IN_FLIGHT },
  })
  return { sender, path }
}

/** Runs `count` calls, `IN_FLIGHT` at a time. Resolves to calls a second. */
async function closedLoop(count: number, call: () => Promise<unknown>): Promise<number> {
  let left = count
  const began = performance.now()
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (left-- > 0) await call()
    }),
  )
  return count / ((performance.now() - began) / 1_000)
}

/** Durable accepts a second, one matching endpoint, nothing delivered meanwhile. */
export async function accepts(folder: string, sink: Sink): Promise<number> {
  const { sender } = benchSender(folder, 'accepts')
  await sender.endpoints.create({ url: sink.url })
  const rate = await closedLoop(ACCEPTS, () => sender.send({ type: 'invoice.paid', data: DATA }))
  await sender.stop()
  return rate
}

export interface EndToEnd {
  eventsPerSecond: number
  cpuMicrosPerEvent: number
  bytesPerEvent: number
}

/** Accept, sign, POST, log and settle: each turn of the loop waits until its event is delivered. */
export async function endToEnd(folder: string, sink: Sink): Promise<EndToEnd> {
  const { sender, path } = benchSender(folder, 'end-to-end')
  await sender.endpoints.create({ url: sink.url })
  await sender.start()
  const waiting = new Map<string, () => void>()
  const early = new Set<string>()
  sender.on('delivery.delivered', ({ eventId }) => {
    const resolve = waiting.get(eventId)
    if (resolve === undefined) early.add(eventId)
    else resolve()
  })
  const before = process.cpuUsage()
  const eventsPerSecond = await closedLoop(DELIVERIES, async () => {
    const { id } = await sender.send({ type: 'invoice.paid', data: DATA })
    if (!early.delete(id)) await new Promise<void>((resolve) => waiting.set(id, resolve))
    waiting.delete(id)
  })
  const cpu = process.cpuUsage(before)
  await sender.stop()
  return {
    eventsPerSecond,
    cpuMicrosPerEvent: (cpu.user + cpu.system) / DELIVERIES,
    bytesPerEvent: statSync(path).size / DELIVERIES,
  }
}

/** The same POST without any of our code: what node-fetch alone reaches on this machine now. */
export async function bareNodeFetch(sink: Sink): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
  const headers = { 'content-type': 'application/json' }
  const rate = await closedLoop(DELIVERIES, async () => {
    const response = await fetch(sink.url, { method: 'POST', body: BODY, headers, agent })
    await response.arrayBuffer()
  })
  agent.destroy()
  return rate
}

/** Milliseconds from the call of `send` to the request's arrival, in an otherwise idle process. */
export async function latencies(folder: string, sink: Sink): Promise<number[]> {
  const { sender } = benchSender(folder, 'latency')
  await sender.endpoints.create({ url: sink.url })
  await sender.start()
  sink.process.send('record')
  const sent = new Map<string, number>()
  for (let count = 0; count < LATENCIES; count++) {
    const delivered = new Promise<void>((resolve) => {
      const off = sender.on('delivery.delivered', () => {
        off()
        resolve()
      })
    })
    const at = performance.timeOrigin + performance.now()
    const { id } = await sender.send({ type: 'invoice.paid', data: DATA })
    sent.set(id, at)
    await delivered
  }
  sink.process.send('arrivals')
  const [arrivals] = (await once(sink.process, 'message')) as [[string, number][]]
  await sender.stop()
  return arrivals.map(([id, at]) => at - (sent.get(id) ?? Number.NaN))
}
