/** Events within the host's own transactions: whatever is killed when, exactly what was committed is delivered. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { seededRandom } from 'hookferry/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { integrityOf } from '../support/crash/ledger.ts'
import type { Seen } from '../support/crash/messages.ts'
import type { HostConfig } from '../support/crash/programs/sqlite-host.ts'
import { openScene, type Scene } from '../support/crash/scene.ts'

const SEED = 20_260_102
const TRANSACTIONS = 10_000
const HOSTS = 3
/** A host that has died so often may live to its end. */
const DEATHS_MAX = 10
/** An attempt that is lost three times in a row is given up, by design. */
const SENDER_DEATHS = 2
/** As SQLite has it. */
const DELIVERED = 2

/** Leases that are over soon after the death of their holder. */
const OPTIONS = {
  attempt: { deadlineMs: 1_500 },
  lease: { marginMs: 100 },
  pollMs: 50,
  concurrency: { total: 32, perEndpoint: 32 },
  retry: { delaysMs: [20, 40, 80, 160, 320, 640] },
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let scene: Scene
let program: { file: string; remove: () => void }

const said = { begun: new Set<number>(), committed: new Set<number>(), 'rolled-back': new Set<number>() }
const deaths: Record<string, number> = {}

/** As plain JavaScript, since it starts some fifty times; inside the tree, so that it finds better-sqlite3. */
function buildHost(): typeof program {
  const cache = join(ROOT, '.cache')
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'crash-host-'))
  const tsup = join(ROOT, 'node_modules/tsup/dist/cli-default.js')
  const source = fileURLToPath(new URL('../support/crash/programs/sqlite-host.ts', import.meta.url))
  const how = ['--no-config', '--format', 'esm', '--target', 'node20.19', '--out-dir', folder, '--silent']
  execFileSync(process.execPath, [tsup, source, ...how], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return { file: join(folder, 'sqlite-host.js'), remove: () => rmSync(folder, { recursive: true, force: true }) }
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
  const [signal] = await Promise.all([
    new Promise<NodeJS.Signals | null>((resolve) => child.once('close', (_, by) => resolve(by))),
    new Promise((resolve) => lines.once('close', resolve)),
  ])
  clearTimeout(killer)
  const end = signal === null ? 'ended' : killAfterMs === null ? given.dieWhen : 'at random'
  deaths[end] = (deaths[end] ?? 0) + 1
  return last
}

/** Half of its lives end at random, half at a point within a transaction or right after its commit. */
async function keepAlive(host: number, from: number, to: number): Promise<void> {
  const upTo = chanceOf(host)
  const points: HostConfig['dieWhen'][] = ['row written', 'event written', 'committed']
  for (let life = 0, next = from; next < to; life++) {
    const given: HostConfig = { path: scene.path, from: next, to, dieAt: null, dieWhen: points[upTo(3)] ?? 'committed' }
    const isTrapped = life < DEATHS_MAX && life % 2 === 0
    if (isTrapped) given.dieAt = next + upTo(250)
    next = 1 + (await live(given, life < DEATHS_MAX && !isTrapped ? 1 + upTo(60) : null))
  }
}

/** Delivers while the hosts go on, and is killed, too; the last one delivers all that is left. */
async function deliver(hosts: Promise<unknown>): Promise<void> {
  const upTo = chanceOf(HOSTS)
  for (let life = 0; life < SENDER_DEATHS; life++) {
    const sender = scene.sender({ options: OPTIONS, start: true })
    await sender.line('up')
    await sleep(100 + upTo(400))
    await sender.kill()
  }
  await hosts
  const last = scene.sender({ options: OPTIONS, start: false })
  await last.line('up')
  expect(await last.ask({ do: 'drain' }, 'drained', 60_000)).toMatchObject({ nextDueAt: null })
  await last.ask({ do: 'stop' }, 'stopped')
  await last.ended
}

function query<Row>(sql: string): Row[] {
  const db = new Database(scene.path, { readonly: true })
  try {
    return db.prepare(sql).all() as Row[]
  } finally {
    db.close()
  }
}

describe('10,000 transactions of hosts that are killed, half of them taken back', () => {
  let orders: { n: number; eventId: string }[]
  let seen: Map<string, Seen>

  beforeAll(async () => {
    program = buildHost()
    scene = await openScene()
    await scene.endpoints([{ path: '/quick/all' }])
    const db = new Database(scene.path)
    db.exec('CREATE TABLE orders (n INTEGER PRIMARY KEY, event_id TEXT)')
    db.close()
    const share = Math.ceil(TRANSACTIONS / HOSTS)
    const lives = Array.from({ length: HOSTS }, (_, host) =>
      keepAlive(host, host * share, Math.min((host + 1) * share, TRANSACTIONS)),
    )
    const hosts = Promise.all(lives)
    await Promise.all([hosts, deliver(hosts)])
    orders = query('SELECT n, event_id AS eventId FROM orders ORDER BY n')
    seen = await scene.seen()
  }, 120_000)

  afterAll(async () => {
    await scene.close()
    program.remove()
  })

  it('each was begun once, and none that was taken back is there', () => {
    expect(said.begun.size).toBe(TRANSACTIONS)
    expect(orders.filter(({ n }) => n % 2 === 1)).toEqual([])
    expect(orders.filter(({ n }) => said['rolled-back'].has(n))).toEqual([])
  })

  it('what was committed is there, and so is its event', () => {
    const there = new Set(orders.map(({ n }) => n))
    expect([...said.committed].filter((n) => !there.has(n))).toEqual([])
    const events = query<{ id: string }>('SELECT id FROM hookferry_event ORDER BY id')
    expect(events.map(({ id }) => id)).toEqual(orders.map(({ eventId }) => eventId).sort())
    const keyed = orders.filter(({ n }) => n % 3 === 0).map(({ eventId }) => eventId)
    const keys = query<{ id: string }>('SELECT event_id AS id FROM hookferry_idempotency ORDER BY event_id')
    expect(keys.map(({ id }) => id)).toEqual(keyed.sort())
  })

  it('exactly the committed events are delivered', () => {
    const ends = query('SELECT state, reason, count(*) AS count FROM hookferry_delivery GROUP BY state, reason')
    expect(ends).toEqual([{ state: DELIVERED, reason: null, count: orders.length }])
    const delivered = [...seen.values()].filter(({ taken }) => taken > 0).map(({ key }) => key.split(' ')[0])
    expect(delivered.sort()).toEqual(orders.map(({ eventId }) => eventId).sort())
  })

  it('leaves a sound file', () => {
    expect(integrityOf(scene.path)).toBe('ok')
  })

  it('tells its figures', () => {
    const { ended = 0, ...kills } = deaths
    expect(Object.keys(kills).sort()).toEqual(['at random', 'committed', 'event written', 'row written'])
    expect(ended).toBeLessThanOrEqual(HOSTS)
    const unknown = [...said.begun].filter((n) => !said.committed.has(n) && !said['rolled-back'].has(n))
    console.info('transactions on sqlite:', {
      seed: SEED,
      kills,
      committed: orders.length,
      unknownAtDeath: unknown.length,
      unknownAndCommitted: orders.filter(({ n }) => unknown.includes(n)).length,
      requests: [...seen.values()].reduce((sum, { requests }) => sum + requests, 0),
    })
  })
})
