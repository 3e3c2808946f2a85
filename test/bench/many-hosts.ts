import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWebhookSender, type Transport } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { seededRandom } from 'hookferry/testing'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'
import { undiciTransport } from 'hookferry/transports/undici'
import { makeCertificates } from '../support/receivers/index.ts'
import { startTlsProcess } from '../support/receivers/tls-process.ts'
import { DATA, quantile } from './loop.ts'

/**
 * `npm run bench:hosts`: 1,000 host names over TLS, 1,000 events a second, each for a host drawn at random. How many requests went
 * over a kept connection, and how long from `send` to the answer. `tsx test/bench/many-hosts.ts undici|node-fetch [seconds]
 * [keepAliveMs] [maxIdleSockets]` measures one transport, with other settings.
 */

const HOSTS = 1_000
const PER_SECOND = 1_000
const [name, ...numbers] = process.argv.slice(2)
const [seconds = 20, keepAliveMs, maxIdleSockets] = numbers.map(Number)
const limits = { ...(keepAliveMs && { keepAliveMs }), ...(maxIdleSockets && { maxIdleSockets }) }

const certificates = makeCertificates()
const sink = await startTlsProcess(certificates.valid)
const folder = mkdtempSync(join(tmpdir(), 'hookferry-hosts-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

async function measure(transport: Transport): Promise<void> {
  const sender = createWebhookSender({
    storage: sqlite({ path: join(folder, `${transport.name}.db`) }),
    transport,
    network: { allowRanges: ['127.0.0.0/8'] },
    runtime: { resolve: async (host) => [{ address: `127.0.0.${1 + (host.charCodeAt(3) % 8)}`, family: 4 }] },
  })
  const ids: string[] = []
  for (let number = 1_000; number < 1_000 + HOSTS; number += 1) {
    ids.push((await sender.endpoints.create({ url: `https://h${number}.hooks.test:${sink.port}/` })).id)
  }
  const sentAt = new Map<string, number>()
  const latencies: number[] = []
  let measuring = false
  let count = 0
  sender.on('delivery.delivered', ({ eventId }) => {
    const at = sentAt.get(eventId)
    sentAt.delete(eventId)
    if (measuring && at !== undefined) latencies.push(performance.now() - at)
  })
  await sender.start()
  const random = seededRandom(1)
  const sending = new Set<Promise<unknown>>()
  const sendFor = async (forSeconds: number, perSecond: number) => {
    const began = performance.now()
    for (let sent = 0; sent < forSeconds * perSecond; ) {
      const due = Math.floor(((performance.now() - began) / 1_000) * perSecond)
      for (; sent < due; sent += 1) {
        count += 1
        const id = `evt_${transport.name}-${count}`
        const endpoint = ids[Math.floor(random.float() * HOSTS)] ?? ''
        sentAt.set(id, performance.now())
        const send = sender.send({ id, type: 'invoice.paid', data: DATA, endpoints: [endpoint] })
        sending.add(send)
        void send.finally(() => sending.delete(send))
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }
  // A thousand first handshakes at once are another question: the load rises to its full rate.
  for (const share of [0.25, 0.25, 0.5, 0.75, 1]) await sendFor(2, share * PER_SECOND)
  await sink.seen()
  measuring = true
  const before = process.cpuUsage()
  await sendFor(seconds, PER_SECOND)
  const cpu = process.cpuUsage(before)
  await Promise.all(sending)
  while (sentAt.size > 0) await new Promise((resolve) => setTimeout(resolve, 10))
  const { requests, connections, resumed } = await sink.seen()
  const rss = Math.round(process.memoryUsage().rss / 1e6)
  await sender.stop()
  const reused = (100 * (1 - connections / requests)).toFixed(1)
  const [p50, p99] = [quantile(latencies, 0.5).toFixed(1), quantile(latencies, 0.99).toFixed(1)]
  process.stdout.write(
    `${transport.name}: ${requests} requests, ${reused} % over kept connections, ${resumed} of ${connections} new ones resumed a ` +
      `TLS session; send to answer p50 ${p50} ms, p99 ${p99} ms; ${Math.round((cpu.user + cpu.system) / requests)} µs of CPU an ` +
      `event; ${rss} MB resident\n`,
  )
}

const create = name === 'undici' ? undiciTransport : nodeFetchTransport
await measure(create({ ca: certificates.ca, ...limits }))
await sink.close()
