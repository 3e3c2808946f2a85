/** Events within transactions of hosts on Postgres: whatever is killed when, exactly what was committed is delivered. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seededRandom } from 'hookferry/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Seen } from '../support/crash/messages.ts'
import type { HostConfig } from '../support/crash/programs/postgres-host.ts'
import { openPostgresScene, type PostgresScene } from '../support/postgres/scene.ts'

const SEED = 20_260_102
const TRANSACTIONS = 10_000
const HOSTS = 3
const CONNECTIONS = 8
/** A host that has died so often may live to its end. */
const DEATHS_MAX = 10
const SENDERS = 2
/** Of each sender, while the hosts go on. */
const SENDER_DEATHS = 3
/** As Postgres has it. */
const DELIVERED = 2

/** Leases that are over soon after the death of their holder. */
const OPTIONS = {
  attempt: { deadlineMs: 1_500 },
  lease: { marginMs: 200 },
  pollMs: 100,
  concurrency: { total: 32, perEndpoint: 32 },
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let scene: PostgresScene
let program: { file: string; remove: () => void }

const said = {
  begun: new Set<number>(),
  committed: new Set<number>(),
  'rolled-back': new Set<number>(),
  again: new Set<number>(),
}
const deaths: Record<string, number> = {}

/** As plain JavaScript, since it starts some thirty times; inside the tree, so that it finds pg. */
function buildHost(): typeof program {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'crash-pg-host-'))
  const tsup = join(ROOT, 'node_modules/tsup/dist/cli-default.js')
  const source = fileURLToPath(new URL('../support/crash/programs/postgres-host.ts', import.meta.url))
  const how = ['--no-config', '--format', 'esm', '--target', 'node20.19', '--out-dir', folder, '--silent']
  execFileSync(process.execPath, [tsup, source, ...how], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return { file: join(folder, 'postgres-host.js'), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Each process has a row of its own: how they interleave is the machine's affair. */
function chanceOf(process: number): (max: number) => number {
  const random = seededRandom(SEED + process)
  return (max) => Math.floor(random.float() * max)
}

/** One life of a host; returns the number of the transaction that it began last. */
async function live(given: HostConfig, killAfterMs: number | null): Promise<number> {
  const child = spawn(process.execPath, [program.file, JSON.stringify(given)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let last = given.from - 1
  let killer: NodeJS.Timeout | undefined
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const [what, n] = line.split(' ')
    said[what as keyof typeof said].add(Number(n))
    last = Math.max(last, Number(n))
    if (killAfterMs !== null) killer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  })
  const [[code, signal]] = await Promise.all([
    new Promise<[number | null, NodeJS.Signals | null]>((resolve) => child.once('close', (...how) => resolve(how))),
    new Promise((resolve) => lines.once('close', resolve)),
  ])
  clearTimeout(killer)
  if (signal === null && code !== 0) throw new Error(`a host ended by itself, with code ${code}`)
  const end = signal === null ? 'ended' : killAfterMs === null ? given.dieWhen : 'at random'
  deaths[end] = (deaths[end] ?? 0) + 1
  return last
}

/** Half of its lives end at random, half at a point within a transaction, about its commit or right after. */
async function keepAlive(host: number, from: number, to: number): Promise<void> {
  const upTo = chanceOf(host)
  const points: HostConfig['dieWhen'][] = ['row written', 'event written', 'commit sent', 'committed']
  for (let life = 0, next = from; next < to; life++) {
    const isTrapped = life < DEATHS_MAX && life % 2 === 0
    // Only what is even is committed.
    const dieAt = isTrapped ? next + (next % 2) + 2 * upTo(100) : null
    const dieWhen = points[(life / 2 + host) % points.length] ?? 'committed'
    const given: HostConfig = { url: scene.server.url, connections: CONNECTIONS, from: next, to, dieAt, dieWhen }
    next = 1 + (await live(given, life < DEATHS_MAX && !isTrapped ? 1 + upTo(250) : null))
  }
}

/** Delivers while the hosts go on, and is killed, too. The last one of each lives until all is delivered. */
async function deliver(sender: number): Promise<() => Promise<unknown>> {
  const upTo = chanceOf(HOSTS + sender)
  const start = () => scene.sender({ options: OPTIONS, start: true })
  for (let life = 0; life < SENDER_DEATHS; life++) {
    const one = start()
    await one.line('up')
    await sleep(500 + upTo(1_500))
    await one.kill()
  }
  const last = start()
  await last.line('up')
  return () => last.ask({ do: 'stop' }, 'stopped').then(() => last.ended)
}

/** Also those whose host died with its COMMIT on the way. */
function transactionsOver(): Promise<unknown> {
  const open = `SELECT FROM pg_stat_activity WHERE application_name = 'host'`
  return vi.waitUntil(async () => (await scene.server.query(open)).length === 0, { timeout: 10_000, interval: 50 })
}

function fannedOut(): Promise<unknown> {
  const waiting = 'SELECT FROM hookferry_event WHERE fan_cursor IS NOT NULL LIMIT 1'
  return vi.waitUntil(async () => (await scene.server.query(waiting)).length === 0, { timeout: 60_000, interval: 50 })
}

interface Order {
  n: number
  key: string | null
  ids: string[]
}

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)].sort()

describe('10,000 transactions of hosts that are killed, half of them taken back', () => {
  let orders: Order[]
  let events: string[]
  let seen: Map<string, Seen>
  let lostRepeatedly: number
  const tookMs = { hosts: 0, all: 0 }

  beforeAll(async () => {
    program = buildHost()
    scene = await openPostgresScene()
    // The server is not killed here, and the disk is not what is tried.
    await scene.server.query('ALTER SYSTEM SET fsync = off')
    await scene.server.query('SELECT pg_reload_conf()')
    await scene.endpoints([{ path: '/quick/all', eventTypes: ['order.*'] }])
    await scene.server.query('CREATE TABLE orders (n integer PRIMARY KEY, key text, event_ids text[])')
    const began = performance.now()
    const share = Math.ceil(TRANSACTIONS / HOSTS)
    const hosts = Array.from({ length: HOSTS }, (_, host) =>
      keepAlive(host, host * share, Math.min((host + 1) * share, TRANSACTIONS)),
    )
    const senders = Array.from({ length: SENDERS }, (_, sender) => deliver(sender))
    await Promise.all(hosts)
    await transactionsOver()
    tookMs.hosts = performance.now() - began
    const stops = await Promise.all(senders)
    await fannedOut()
    lostRepeatedly = (await scene.settled(60_000)).lostRepeatedly
    tookMs.all = performance.now() - began
    await Promise.all(stops.map((stop) => stop()))
    orders = await scene.server.query<Order>('SELECT n, key, event_ids AS ids FROM orders ORDER BY n')
    events = unique(orders.flatMap(({ ids }) => ids))
    seen = await scene.seen()
  }, 180_000)

  afterAll(async () => {
    await scene?.close()
    program?.remove()
  })

  it('each was begun once, and none that was taken back is there', () => {
    expect(said.begun.size).toBe(TRANSACTIONS)
    expect(orders.filter(({ n }) => n % 2 === 1)).toEqual([])
    expect(orders.filter(({ n }) => said['rolled-back'].has(n))).toEqual([])
  })

  it('what was committed is there, and so are its events and keys, and nothing else', async () => {
    const there = new Set(orders.map(({ n }) => n))
    expect([...said.committed].filter((n) => !there.has(n))).toEqual([])
    const rows = await scene.server.query<{ id: string }>('SELECT id FROM hookferry_event')
    expect(rows.map(({ id }) => id).sort()).toEqual(events)
    const keys = await scene.server.query<{ key: string; id: string }>(
      'SELECT key, event_id AS id FROM hookferry_idempotency',
    )
    const wanted = orders.flatMap(({ key, ids }) => (key === null ? [] : [`${key}: ${ids[0]}`]))
    expect(keys.map(({ key, id }) => `${key}: ${id}`).sort()).toEqual(unique(wanted))
  })

  it('exactly the committed events are delivered', async () => {
    const ends = await scene.server.query(
      'SELECT state, reason, count(*)::integer AS count FROM hookferry_delivery GROUP BY state, reason',
    )
    expect(ends).toEqual([{ state: DELIVERED, reason: null, count: events.length }])
    const delivered = [...seen.values()].filter(({ taken }) => taken > 0).map(({ key }) => key.split(' ')[0])
    expect(delivered.sort()).toEqual(events)
    expect(seen.size).toBe(events.length)
  })

  it('tells its figures', () => {
    const { ended = 0, ...kills } = deaths
    const points = ['at random', 'commit sent', 'committed', 'event written', 'row written']
    expect(Object.keys(kills).sort()).toEqual(points)
    expect(ended).toBeLessThanOrEqual(HOSTS)
    const unknown = [...said.begun].filter((n) => !said.committed.has(n) && !said['rolled-back'].has(n))
    const committed = new Set(orders.map(({ n }) => n))
    const shared = orders.filter(({ key }) => key?.startsWith('four')).length
    console.info('transactions on postgres:', {
      seed: SEED,
      kills,
      senderKills: SENDERS * SENDER_DEATHS,
      committed: orders.length,
      events: events.length,
      duplicates: shared - unique(orders.flatMap(({ key, ids }) => (key?.startsWith('four') ? ids[0] : []))).length,
      runAgain: said.again.size,
      unknownAtDeath: unknown.length,
      unknownAndCommitted: unknown.filter((n) => committed.has(n)).length,
      requests: [...seen.values()].reduce((sum, { requests }) => sum + requests, 0),
      lostRepeatedly,
      hostsMs: Math.round(tookMs.hosts),
      tookMs: Math.round(tookMs.all),
    })
  })
})
