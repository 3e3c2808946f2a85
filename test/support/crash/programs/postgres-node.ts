/** A host on Postgres whose events take turns, and whose clock may be wrong. It may be built of another version of the library. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import type { Storage } from 'hookferry/storage'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'
import type { NodeCommand, NodeConfig, Sequence, Turn } from '../../postgres/node-messages.ts'
import { config, onCommand, report } from './report.ts'
import { Traps } from './traps.ts'

const given = config<NodeConfig>()

let skewMs = given.skewMs ?? 0
const clock = {
  now: () => Date.now() + skewMs,
  monotonic: () => performance.now(),
  after(ms: number, fn: () => void) {
    const timer = setTimeout(fn, ms)
    return { cancel: () => clearTimeout(timer) }
  },
}

const own = postgres({ connectionString: given.url })
const storage: Storage = given.timeless ? withoutTime(own) : own
const traps = new Traps({ path: '', options: {}, start: given.start, verbose: true })
const sender = createWebhookSender({
  ...given.options,
  storage: traps.storage(storage),
  transport: traps.transport(nodeFetchTransport()),
  runtime: { clock },
})

sender.on('delivery.delivered', ({ eventId, attempts }) => report({ is: 'delivered', eventId, attempts }))
sender.on('delivery.failed', ({ eventId, attempts, reason }) => report({ is: 'failed', eventId, attempts, reason }))
sender.on('error', ({ error, context }) => {
  report({ is: 'error', context, code: (error as { code?: string }).code ?? null, message: error.message })
})

function withoutTime({ time: _, ...others }: Storage): Storage {
  return others
}

/** False: it was refused. */
async function send(event: { id?: string; type: string; data: Turn }): Promise<boolean> {
  const from = Date.now()
  const { key } = event.data
  try {
    const { id, deliveries } = await sender.send(key === null ? event : { ...event, orderingKey: key })
    report({ is: 'accepted', id, deliveries, from, at: Date.now() })
    return true
  } catch (error) {
    refused(error, event.id ?? null)
    return false
  }
}

function refused(error: unknown, id: string | null): void {
  const { code = 'none', message } = error as { code?: string; message: string }
  report({ is: 'refused', id, code, message })
}

/** Ends with the first that is refused: those behind it would take its turn. */
async function run({ name, key, type, fails, pausesMs }: Sequence): Promise<void> {
  for (const [n, failures] of fails.entries()) {
    await sleep(pausesMs[n] ?? 0)
    if (!(await send({ id: `evt_${name}_${n}`, type, data: { key, n, fails: failures } }))) return
  }
}

let resting = false

async function load({ type, everyMs, perKey }: NonNullable<NodeConfig['load']>): Promise<void> {
  for (let sent = 0; !resting; sent++) {
    const key = `own_${process.pid}_${Math.floor(sent / perKey)}`
    await send({ type, data: { key, n: sent % perKey, fails: 0 } })
    await sleep(everyMs)
  }
  report({ is: 'poured' })
}

onCommand<NodeCommand>(async (command) => {
  switch (command.do) {
    case 'sequences':
      await Promise.all(command.sequences.map(run))
      report({ is: 'poured' })
      break
    case 'skew':
      skewMs = command.skewMs
      break
    case 'rest':
      resting = true
      break
    case 'stop':
      await sender.stop()
      report({ is: 'stopped' })
      process.disconnect()
      break
  }
})

try {
  if (given.start) await sender.start()
  else await sender.health()
  report({ is: 'up', pid: process.pid })
  if (given.load !== undefined) await load(given.load)
} catch (error) {
  refused(error, null)
}
