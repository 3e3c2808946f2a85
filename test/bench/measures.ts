import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender, type WebhookSender } from 'hookferry'
import type { Storage } from 'hookferry/storage'
import { bareCommitter } from './bare-sqlite.ts'
import { BENCHES, type Client, type Cost, costOf } from './clients.ts'
import { closedLoop, DATA } from './loop.ts'
import type { Sink } from './sink-process.ts'

/** The single measurements of the benchmarks. Each makes and closes what it needs; all use one sink. */

/** What is measured, on which storage, and how many calls of it run at a time. */
export interface Load {
  storage: Storage
  client: Client
  count: number
  inFlight: number
}

const EVENT = { type: 'invoice.paid', data: DATA }
/** Between two events of an idle process. */
const PAUSE_MS = 5

async function senderOf({ storage, client, inFlight }: Omit<Load, 'count'>, sink: Sink): Promise<WebhookSender> {
  const sender = createWebhookSender({
    storage,
    transport: BENCHES[client].transport(),
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    concurrency: { total: inFlight, perEndpoint: inFlight },
  })
  await sender.endpoints.create({ url: sink.url })
  return sender
}

/** Durable accepts a second, one matching endpoint, nothing delivered meanwhile. */
export async function accepts(load: Load, sink: Sink): Promise<number> {
  const sender = await senderOf(load, sink)
  const rate = await closedLoop(load.count, load.inFlight, () => sender.send(EVENT))
  await sender.stop()
  return rate
}

/** Accept, fan-out, sign, POST, log and settle: each turn of the loop waits until its event is delivered. */
export async function endToEnd(load: Load, sink: Sink): Promise<Cost> {
  const sender = await senderOf(load, sink)
  await sender.start()
  const waiting = new Map<string, () => void>()
  const early = new Set<string>()
  sender.on('delivery.delivered', ({ eventId }) => {
    const resolve = waiting.get(eventId)
    if (resolve === undefined) early.add(eventId)
    else resolve()
  })
  const cost = await costOf(load.count, () =>
    closedLoop(load.count, load.inFlight, async () => {
      const { id } = await sender.send(EVENT)
      if (!early.delete(id)) await new Promise<void>((resolve) => waiting.set(id, resolve))
      waiting.delete(id)
    }),
  )
  await sender.stop()
  return cost
}

export interface FromBacklog {
  /** Over both phases together. */
  perSecond: number
  deliveriesPerSecond: number
}

/** The same with all events accepted before the sender starts, so that each delivery is claimed. */
export async function fromBacklog(load: Load, sink: Sink): Promise<FromBacklog> {
  const sender = await senderOf(load, sink)
  let left = load.count
  const delivered = new Promise<void>((resolve) => {
    sender.on('delivery.delivered', () => {
      if (--left === 0) resolve()
    })
  })
  const began = performance.now()
  await closedLoop(load.count, load.inFlight, () => sender.send(EVENT))
  const accepted = performance.now()
  await sender.start()
  await delivered
  const ended = performance.now()
  await sender.stop()
  const perSecond = (ms: number) => load.count / (ms / 1_000)
  return { perSecond: perSecond(ended - began), deliveriesPerSecond: perSecond(ended - accepted) }
}

/** Milliseconds of each `send`, awaited one by one, in a process that does nothing else. */
export async function sendsAlone(load: Load, sink: Sink): Promise<number[]> {
  const sender = await senderOf(load, sink)
  const took: number[] = []
  for (let sent = 0; sent < load.count; sent++) {
    const began = performance.now()
    await sender.send(EVENT)
    took.push(performance.now() - began)
  }
  await sender.stop()
  return took
}

export interface Arrivals {
  /** From the call of `send` to the request's arrival, in milliseconds. */
  ours: number[]
  /** From one bare commit of a row of that size to the arrival of a bare request after it, in turns with ours. */
  bare: number[]
}

/** One event, then one bare chain, and so on, in an otherwise idle process. */
export async function arrivals(load: Load, barePath: string, sink: Sink): Promise<Arrivals> {
  const sender = await senderOf(load, sink)
  const { commit, close } = bareCommitter(barePath)
  const bare = BENCHES[load.client].bare(1)
  await sender.start()
  sink.record()
  const sent = { ours: new Map<string, bigint>(), bare: new Map<string, bigint>() }
  for (let count = 0; count < load.count; count++) {
    const delivered = new Promise<void>((resolve) => {
      const off = sender.on('delivery.delivered', () => {
        off()
        resolve()
      })
    })
    const at = process.hrtime.bigint()
    const { id } = await sender.send(EVENT)
    sent.ours.set(id, at)
    await delivered
    await sleep(PAUSE_MS)
    sent.bare.set(`bare_${count}`, process.hrtime.bigint())
    commit()
    await bare.post(sink.url, { 'webhook-id': `bare_${count}` })
    await sleep(PAUSE_MS)
  }
  const arrived = await sink.arrivals()
  await sender.stop()
  bare.close()
  close()
  const took = (from: Map<string, bigint>) => [...from].map(([id, at]) => Number(arrived.get(id)! - at) / 1e6)
  return { ours: took(sent.ours), bare: took(sent.bare) }
}
