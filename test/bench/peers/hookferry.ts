import { join } from 'node:path'
import { createWebhookSender } from 'hookferry'
import { postgres } from 'hookferry/postgres'
import { sqlite } from 'hookferry/sqlite'
import type { Storage } from 'hookferry/storage'
import { Pool } from 'pg'
import type { OwnServer } from '../../support/postgres/server.ts'
import { BENCHES } from '../clients.ts'
import { closedLoop, DATA } from '../loop.ts'
import { BATCH, type Contestant, countdown, IN_FLIGHT, JOBS, type Job } from './contest.ts'

/** `saturated`: all is sent, then it starts, as the peers do it. `natural`: it is started, and delivers while more is sent. */
export type Mode = 'saturated' | 'natural'

export function onSqlite(mode: Mode): Contestant {
  return {
    name: `hookferry on SQLite, ${mode}`,
    setting: 'synchronous=FULL, one send for each event',
    open: (job) => open(job, mode, sqlite({ path: join(job.folder, 'hookferry.db') }), async () => {}),
  }
}

export function onPostgres(server: OwnServer, mode: Mode): Contestant {
  return {
    name: `hookferry on Postgres, ${mode}`,
    setting: 'a pool of 10, one send for each event',
    open(job) {
      const pool = new Pool({ connectionString: server.url, max: 10 }).on('error', () => {})
      return open(job, mode, postgres({ pool, schema: 'hookferry' }), async () => {
        await pool.end()
        await server.query('DROP SCHEMA hookferry CASCADE; CHECKPOINT')
      })
    },
  }
}

async function open({ url, client }: Job, mode: Mode, storage: Storage, close: () => Promise<void>) {
  const sender = createWebhookSender({
    storage,
    transport: BENCHES[client].transport(),
    network: { allowHttp: true, allowRanges: ['127.0.0.0/8'] },
    concurrency: { total: IN_FLIGHT, perEndpoint: IN_FLIGHT },
  })
  await sender.endpoints.create({ url })
  const { done, count } = countdown()
  sender.on('delivery.delivered', count)
  return {
    async enqueue() {
      if (mode === 'natural') await sender.start()
      await closedLoop(JOBS, BATCH, () => sender.send({ type: 'invoice.paid', data: DATA }))
    },
    async deliver() {
      if (mode === 'saturated') await sender.start()
      await done
    },
    async close() {
      await sender.stop()
      await close()
    },
  }
}
