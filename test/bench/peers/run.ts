import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startOwnServer } from '../../support/postgres/server.ts'
import type { Client } from '../clients.ts'
import { quantile } from '../loop.ts'
import { type Figure, median, publish } from '../report.ts'
import { startSink } from '../sink-process.ts'
import { bullmq } from './bullmq.ts'
import { type Contestant, IN_FLIGHT, JOBS, type Queue } from './contest.ts'
import { graphileWorker } from './graphile-worker.ts'
import { onPostgres, onSqlite } from './hookferry.ts'
import { pgBoss } from './pg-boss.ts'
import { plainjob, plainjobGrouped } from './plainjob.ts'
import { postWith } from './post.ts'

/**
 * `npm run bench:peers`: hookferry and its peers on the same job, one after the other in each round, so that all see the same
 * weather. Choices: `-- --rounds 3 --client undici --only bullmq`.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    client: { type: 'string', multiple: true, default: ['undici', 'node-fetch'] },
    only: { type: 'string', default: '' },
  },
})
/** One contestant in one round. */
const DEADLINE_MS = 60_000

interface Result {
  enqueueMs: number
  deliverMs: number
}

async function oneRun(contestant: Contestant, client: Client, url: string): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'hookferry-peers-'))
  const { post, close } = postWith(client, url)
  let queue: Queue | undefined
  try {
    queue = await contestant.open({ url, client, post, folder })
    const began = performance.now()
    await inTime(queue.enqueue(), `${contestant.name} enqueues`)
    const enqueued = performance.now()
    await inTime(queue.deliver(), `${contestant.name} delivers`)
    return { enqueueMs: enqueued - began, deliverMs: performance.now() - enqueued }
  } finally {
    await queue?.close()
    await close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function inTime(work: Promise<void>, what: string): Promise<void> {
  const timer = new AbortController()
  const late = sleep(DEADLINE_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} for more than ${DEADLINE_MS} ms`)
  })
  late.catch(() => {})
  await Promise.race([work, late]).finally(() => timer.abort())
}

const sink = await startSink()
const server = await startOwnServer()
const ours = [
  onSqlite('saturated'),
  onSqlite('natural'),
  onPostgres(server, 'saturated'),
  onPostgres(server, 'natural'),
]
const onItsPostgres = [pgBoss(server), graphileWorker(server)]
const others = [bullmq('always'), bullmq('everysec'), plainjob(), plainjobGrouped(), ...onItsPostgres]
const contestants = [...ours, ...others].filter(({ name }) => name.includes(values.only))
const rates = new Map<string, number[]>()
const keyOf = (contestant: Contestant, client: Client) => `${contestant.name}, ${client}`
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const client of values.client as Client[]) {
      for (const contestant of contestants) {
        const { enqueueMs, deliverMs } = await oneRun(contestant, client, sink.url)
        const key = keyOf(contestant, client)
        const rate = JOBS / ((enqueueMs + deliverMs) / 1_000)
        rates.set(key, [...(rates.get(key) ?? []), rate])
        const parts = `enqueue ${enqueueMs.toFixed(0)} ms, deliver ${deliverMs.toFixed(0)} ms`
        process.stdout.write(`round ${round + 1}  ${key.padEnd(48)} ${rate.toFixed(0).padStart(6)}/s  ${parts}\n`)
      }
    }
  }
} finally {
  sink.stop()
  await server.stop()
}

/** Round by round against the peer with the best median: what both met in that round cancels out. */
function against(label: string, one: Contestant, peers: Contestant[], client: Client, atLeast: number): Figure[] {
  const own = rates.get(keyOf(one, client))
  const of = (peer: Contestant) => rates.get(keyOf(peer, client)) ?? []
  const [best] = peers.filter((peer) => of(peer).length > 0).sort((a, b) => quantile(of(b), 0.5) - quantile(of(a), 0.5))
  if (own === undefined || best === undefined) return []
  const ratios = own.map((rate, round) => rate / of(best)[round]!)
  return [median(`${label} against ${best.name}, ${client}`, ratios, { target: { atLeast } })]
}

if (values.only === '') {
  // As durable as the others: not the one that may lose a second.
  const durable = others.filter(({ name }) => !name.includes('everysec'))
  const ratios = (values.client as Client[]).flatMap((client) =>
    ours.flatMap((one, index) =>
      index < 2 ? against(one.name, one, durable, client, 1.5) : against(one.name, one, onItsPostgres, client, 1.2),
    ),
  )
  const absolute = [...rates].map(([label, runs]) => median(label, runs, { unit: '/s' }))
  publish('peers', {
    title: 'Against peers: durable enqueue, HMAC, POST, complete; both phases summed',
    command: 'npm run bench:peers',
    setting: {
      jobs: JOBS,
      'in flight': IN_FLIGHT,
      rounds: values.rounds,
      Postgres: 'fsync and synchronous_commit on',
      SQLite: "synchronous=FULL, on the host's thread",
      ...Object.fromEntries(contestants.map(({ name, setting }) => [name, setting])),
    },
    figures: [...ratios, ...absolute],
  })
}
