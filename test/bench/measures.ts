import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import type { Storage } from 'hookferry/storage'
import fetch from 'node-fetch'
import { BODY, closedLoop, DATA } from './loop.ts'

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

/** What is measured, on which storage, and how many calls of it run at a time. */
export interface Load {
  storage: Storage
  count: number
  inFlight: number
}

export const IN_FLIGHT = 64
const ACCEPTS = 20_000
export const DELIVERIES = 8_000
const LATENCIES = 400

function senderOf({ storage, inFlight }: Pick<Load, 'storage' | 'inFlight'>): WebhookSender {
  return createWebhookSender({
    storage,
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    concurrency: { total: inFlight, perEndpoint: inFlight },
  })
}

/** Durable accepts a second, one matching endpoint, nothing delivered meanwhile. */
export async function accepts(load: Load, sink: Sink): Promise<number> {
  const sender = senderOf(load)
  await sender.endpoints.create({ url: sink.url })
  const rate = await closedLoop(load.count, load.inFlight, () => sender.send({ type: 'invoice.paid', data: DATA }))
  await sender.stop()
  return rate
}

export interface EndToEnd {
  eventsPerSecond: number
  cpuMicrosPerEvent: number
}

/** Accept, sign, POST, log and settle: each turn of the loop waits until its event is delivered. */
export async function endToEnd(load: Load, sink: Sink): Promise<EndToEnd> {
  const sender = senderOf(load)
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
  const eventsPerSecond = await closedLoop(load.count, load.inFlight, async () => {
    const { id } = await sender.send({ type: 'invoice.paid', data: DATA })
    if (!early.delete(id)) await new Promise<void>((resolve) => waiting.set(id, resolve))
    waiting.delete(id)
  })
  const cpu = process.cpuUsage(before)
  await sender.stop()
  return { eventsPerSecond, cpuMicrosPerEvent: (cpu.user + cpu.system) / load.count }
}

/** The same POST without any of our code: what node-fetch alone reaches on this machine now. */
export async function bareNodeFetch({ count, inFlight }: Omit<Load, 'storage'>, sink: Sink): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight })
  const headers = { 'content-type': 'application/json' }
  const rate = await closedLoop(count, inFlight, async () => {
    const response = await fetch(sink.url, { method: 'POST', body: BODY, headers, agent })
    await response.arrayBuffer()
  })
  agent.destroy()
  return rate
}

/** Milliseconds from the call of `send` to the request's arrival, in an otherwise idle process. */
async function latencies(storage: Storage, sink: Sink): Promise<number[]> {
  const sender = senderOf({ storage, inFlight: IN_FLIGHT })
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

export interface OnSqlite extends EndToEnd {
  acceptsPerSecond: number
  bytesPerEvent: number
  latencies: number[]
}

export async function onSqlite(folder: string, sink: Sink): Promise<OnSqlite> {
  const path = (name: string) => join(folder, `${name}.db`)
  const storage = (name: string) => sqlite({ path: path(name) })
  const at = { inFlight: IN_FLIGHT }
  const acceptsPerSecond = await accepts({ ...at, storage: storage('accepts'), count: ACCEPTS }, sink)
  const ours = await endToEnd({ ...at, storage: storage('end-to-end'), count: DELIVERIES }, sink)
  const bytesPerEvent = statSync(path('end-to-end')).size / DELIVERIES
  return { ...ours, acceptsPerSecond, bytesPerEvent, latencies: await latencies(storage('latency'), sink) }
}
