/** A host on Postgres: accepts, delivers or both, and is killed or stopped. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createWebhookSender } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { nodeFetchTransport } from 'hookferry/transports/node-fetch'
import { Pool } from 'pg'
import type { NewEvent, PostgresSenderCommand, PostgresSenderConfig } from '../../postgres/messages.ts'
import { StoppingPool } from './postgres-pool.ts'
import { config, onCommand, report } from './report.ts'
import { Traps } from './traps.ts'

const given = config<PostgresSenderConfig>()
const { options, start, verbose = false } = given
// Of the file that it is to name Traps makes no use.
const traps = new Traps({ path: '', options, start, verbose })
const pool = new StoppingPool(new Pool({ connectionString: given.url, max: 10 }))
const sender = createWebhookSender({
  ...given.options,
  storage: traps.storage(postgres(given.hostPool === true ? { pool } : { connectionString: given.url })),
  transport: traps.transport(nodeFetchTransport()),
})

sender.on('delivery.delivered', ({ eventId, attempts }) => report({ is: 'delivered', eventId, attempts }))
sender.on('delivery.failed', ({ eventId, attempts, reason }) => report({ is: 'failed', eventId, attempts, reason }))
sender.on('error', ({ error, context }) => {
  report({ is: 'error', context, code: (error as { code?: string }).code ?? null, message: error.message })
})

async function send({ deliverAt, ...event }: NewEvent): Promise<void> {
  const from = Date.now()
  try {
    const later = deliverAt === undefined ? {} : { deliverAt: new Date(deliverAt) }
    const { id, deliveries } = await sender.send({ ...event, ...later })
    report({ is: 'accepted', id, deliveries, from, at: Date.now() })
  } catch (error) {
    const { code = 'none', message } = error as { code?: string; message: string }
    report({ is: 'refused', id: event.id ?? null, code, message })
  }
}

async function pour({ type, perTurn, everyMs, turns }: Extract<PostgresSenderCommand, { do: 'pour' }>) {
  const sends: Promise<void>[] = []
  for (let turn = 0; turn < turns; turn++) {
    for (let n = 0; n < perTurn; n++) sends.push(send({ type, data: { turn, n } }))
    await sleep(everyMs)
  }
  await Promise.all(sends)
  report({ is: 'poured' })
}

let resting = false

async function load({ type, everyMs }: NonNullable<PostgresSenderConfig['load']>): Promise<void> {
  for (let n = 0; !resting; n++) {
    await send({ type, data: { n, pid: process.pid } })
    await sleep(everyMs)
  }
  report({ is: 'poured' })
}

onCommand<PostgresSenderCommand>(async (command) => {
  switch (command.do) {
    case 'trap':
      traps.set(command.trap)
      break
    case 'stopAtNextSettle':
      pool.stopAtNextSettle()
      break
    case 'send':
      await Promise.all(command.events.map(send))
      report({ is: 'poured' })
      break
    case 'pour':
      await pour(command)
      break
    case 'rest':
      resting = true
      break
    case 'figures': {
      const { inFlight } = await sender.health()
      report({ is: 'figures', loopMs: 0, loopLong: 0, callMs: 0, call: '', attempts: traps.attempts, inFlight })
      break
    }
    case 'stop':
      await sender.stop()
      await pool.end()
      report({ is: 'stopped' })
      process.disconnect()
      break
  }
})

if (given.start) await sender.start()
else await sender.health()
report({ is: 'up', pid: process.pid })
if (given.load !== undefined) await load(given.load)
