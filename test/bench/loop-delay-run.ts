/** One run of the loop-delay bench, in a process of its own, since the shim of a slow disk is loaded with it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender, type WebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { BENCHES, type Client } from './clients.ts'
import { DATA, quantile } from './loop.ts'
import { accepts, endToEnd } from './measures.ts'
import { startSink } from './sink-process.ts'

export type Run = Record<string, number>

const IN_FLIGHT = 256
const PACED_PER_SECOND = 1_000
const PACED_MS = 5_000
const TICK_MS = 10

const [disk, mode, named] = process.argv.slice(2)
const client: Client = named === 'undici' ? 'undici' : 'node-fetch'
// Beside the repository, not in a temporary folder, which may be memory.
const folder = mkdtempSync(join('.cache', 'loop-delay-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const storage = (name: string) => sqlite({ path: join(folder, `${name}.db`), thread: mode === 'thread' })
const sink = await startSink()

async function started(name: string): Promise<WebhookSender> {
  const network = { allowHttp: true, allowRanges: ['127.0.0.0/8'] }
  const sender = createWebhookSender({ storage: storage(name), transport: BENCHES[client].transport(), network })
  await sender.endpoints.create({ url: sink.url })
  await sender.start()
  return sender
}

/** An even load of one kind; the host does nothing else. */
async function paced(each: () => Promise<unknown>) {
  const all: Promise<unknown>[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const began = performance.now()
  let cpu = process.cpuUsage()
  for (let ms = 0; ms < PACED_MS; ms = performance.now() - began) {
    // What the process's start has left behind is over by then.
    if (ms > 1_000 && delay.max === 0) {
      delay.enable()
      cpu = process.cpuUsage()
    }
    while (all.length < (ms / 1_000) * PACED_PER_SECOND) all.push(each())
    await sleep(TICK_MS)
  }
  delay.disable()
  const { user, system } = process.cpuUsage(cpu)
  await Promise.all(all)
  return {
    loopP50: delay.percentile(50) / 1e6,
    loopP99: delay.percentile(99) / 1e6,
    cpu: (user + system) / ((PACED_MS - 1_000) / 1_000) / PACED_PER_SECOND,
  }
}

/** The same load from end to end, and before it as bare requests of the same client, which write nothing. */
async function slow(): Promise<Run> {
  const { post, close } = BENCHES[client].bare(IN_FLIGHT)
  const { loopP99: bareLoopP99, cpu: bareCpu } = await paced(() => post(sink.url))
  close()
  const sender = await started('paced')
  const waits: number[] = []
  const ours = await paced(async () => {
    const began = performance.now()
    await sender.send({ type: 'invoice.paid', data: DATA })
    waits.push(performance.now() - began)
  })
  await sender.stop()
  return { ...ours, bareLoopP99, bareCpu, loopShare: ours.loopP99 / bareLoopP99, sendP50: quantile(waits, 0.5) }
}

/** One event at a time in an idle process: until `send` answers, and until its request arrives. */
async function idle(count: number): Promise<Run> {
  const sender = await started('idle')
  sink.record()
  const sent = new Map<string, bigint>()
  const waits: number[] = []
  for (let n = 0; n < count; n++) {
    const delivered = new Promise<void>((resolve) => {
      const end = sender.on('delivery.delivered', () => {
        end()
        resolve()
      })
    })
    const began = performance.now()
    const at = process.hrtime.bigint()
    const { id } = await sender.send({ type: 'invoice.paid', data: DATA })
    waits.push(performance.now() - began)
    sent.set(id, at)
    await delivered
  }
  const arrived = await sink.arrivals()
  const arrivals = [...sent].map(([id, at]) => Number(arrived.get(id)! - at) / 1e6)
  await sender.stop()
  return {
    sendP50: quantile(waits, 0.5),
    arrivalP50: quantile(arrivals, 0.5),
    arrivalP99: quantile(arrivals, 0.99),
  }
}

async function fast(): Promise<Run> {
  const load = { client, inFlight: IN_FLIGHT }
  const acceptRate = await accepts({ ...load, storage: storage('accepts'), count: 30_000 }, sink)
  const both = await endToEnd({ ...load, storage: storage('end-to-end'), count: 8_000 }, sink)
  return { accepts: acceptRate, endToEnd: both.perSecond, cpu: both.cpuMicros, ...(await idle(600)) }
}

const run = disk === 'slow' ? await slow() : await fast()
process.stdout.write(JSON.stringify(run))
sink.stop()
