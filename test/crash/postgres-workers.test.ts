/** Workers on one Postgres that are killed and replaced while they deliver: nothing is lost, and little is sent twice. */
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from 'hookferry/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Seen } from '../support/crash/messages.ts'
import type { Program } from '../support/crash/program.ts'
import { endsOf, lostAttempts, lostOf, type Row, readRows, withGaps } from '../support/postgres/ledger.ts'
import { openPostgresScene, type PostgresScene } from '../support/postgres/scene.ts'

const SEED = 20_260_102
const ENDPOINTS = 20
/** Of which the workers' own events go to two as well. */
const ENDPOINTS_OF: Record<string, number> = { 'order.paid': ENDPOINTS, 'order.made': 2 }
const EVENTS = 1_000
const DELIVERIES = EVENTS * ENDPOINTS
const WORKERS = 3
const KILLS = 20

/** A lease is over soon after the death of its holder, and later than a busy machine makes a request last. */
const OPTIONS = {
  attempt: { deadlineMs: 3_000 },
  lease: { marginMs: 3_000 },
  pollMs: 100,
  // Few at once: with each kill all of them are lost, and three losses in a row end a round.
  concurrency: { total: 64, perEndpoint: 8 },
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)

/** A worker's death: once so many deliveries are done, and some milliseconds. */
interface Death {
  worker: number
  afterDeliveries: number
  afterMs: number
}

/** Moments of the work, not of the clock, so that the machine's speed changes nothing; the same for the same seed. */
function planDeaths(): Death[] {
  const random = seededRandom(SEED)
  const upTo = (max: number) => Math.floor(random.float() * max)
  const one = () => ({ worker: upTo(WORKERS), afterDeliveries: upTo(DELIVERIES * 0.75), afterMs: upTo(30) })
  return Array.from({ length: KILLS }, one).sort((a, b) => a.afterDeliveries - b.afterDeliveries)
}

describe('three workers that are killed at random while they deliver 20,000', () => {
  let scene: PostgresScene
  let rows: Row[]
  let seen: Map<string, Seen>
  let tookMs: number
  let lostRepeatedly: number
  const programs: Program[] = []
  const accepted = new Set<string>()
  /** How often each request was under way, not known to be settled, when its process was killed. */
  const inFlight = new Map<string, number>()
  const atKill: number[] = []
  /** Requests of living workers that ended after their deadline or lease: a machine that is too busy makes some. */
  const late = new Map<string, number>()

  beforeAll(async () => {
    scene = await openPostgresScene()
    await scene.endpoints(
      Array.from({ length: ENDPOINTS }, (_, n) => ({
        path: `/steady/${n}`,
        eventTypes: n < 2 ? ['order.*'] : ['order.paid'],
      })),
    )
    const host = scene.sender({ options: { acceptTimeoutMs: 120_000 }, start: false })
    await host.line('up')
    const workers = Array.from({ length: WORKERS }, startWorker)
    const began = performance.now()
    const poured = host.ask(
      { do: 'pour', type: 'order.paid', perTurn: 10, everyMs: 50, turns: EVENTS / 10 },
      'poured',
      120_000,
    )
    for (const { worker, afterDeliveries, afterMs } of planDeaths()) {
      await progress(afterDeliveries)
      await sleep(afterMs)
      const dead = workers[worker]!
      await dead.kill()
      workers[worker] = startWorker()
      bury(dead)
    }
    await poured
    await Promise.all(workers.map((worker) => worker.ask({ do: 'rest' }, 'poured')))
    lostRepeatedly = (await scene.settled(60_000)).lostRepeatedly
    tookMs = performance.now() - began
    await Promise.all([host, ...workers].map((program) => program.ask({ do: 'stop' }, 'stopped')))
    for (const { id } of [host, ...programs].flatMap((program) => program.all('accepted'))) accepted.add(id)
    for (const { key, status, outcome } of programs.flatMap((program) => program.all('settled')))
      if (status === 'stale' || outcome === 'timed_out') late.set(key, (late.get(key) ?? 0) + 1)
    rows = await readRows(scene.server)
    seen = await scene.seen()
  }, 240_000)

  afterAll(() => scene.close())

  /** They accept a little, too: their own events go by the fast lane where there is room. */
  function startWorker(): Program {
    const load = { type: 'order.made', everyMs: 100 }
    const program = scene.sender({ options: OPTIONS, start: true, verbose: true, load })
    programs.push(program)
    return program
  }

  /** However slow the machine is: only when nothing at all is delivered any more it fails. */
  async function progress(to: number): Promise<void> {
    while (delivered() < to) {
      const before = delivered()
      await vi
        .waitUntil(() => delivered() > before, { timeout: 30_000, interval: 10 })
        .catch((cause) => {
          const errors = programs.flatMap((program) => program.all('error')).slice(-3)
          throw new Error(`stuck at ${before}; the last errors: ${JSON.stringify(errors)}`, { cause })
        })
    }
  }

  /** Counted on from the last look: it is looked often, and there are many lines. */
  const looked = new Map<Program, number>()
  let counted = 0
  function delivered(): number {
    for (const program of programs) {
      const { lines } = program
      for (let n = looked.get(program) ?? 0; n < lines.length; n++) if (lines[n]?.is === 'delivered') counted += 1
      looked.set(program, lines.length)
    }
    return counted
  }

  /** What it had begun and not settled, by what it reported before each request and after each commit. */
  function bury(program: Program): void {
    const open = new Map<string, number>()
    for (const { key } of program.all('request')) open.set(key, (open.get(key) ?? 0) + 1)
    for (const { key } of program.all('settled')) open.set(key, (open.get(key) ?? 0) - 1)
    let count = 0
    for (const [key, left] of open) {
      if (left <= 0) continue
      count += left
      inFlight.set(key, (inFlight.get(key) ?? 0) + left)
    }
    atKill.push(count)
  }

  it('kills them at work', () => {
    expect(atKill).toHaveLength(KILLS)
    // Some die while they start.
    expect(sum(atKill)).toBeGreaterThan(KILLS)
    expect(Math.max(...atKill)).toBeLessThanOrEqual(OPTIONS.concurrency.total)
  })

  it('loses nothing that was acknowledged', () => {
    expect(accepted.size).toBeGreaterThanOrEqual(EVENTS)
    expect(rows.length).toBeGreaterThanOrEqual(DELIVERIES)
    expect(lostOf(accepted, rows, seen, (type) => ENDPOINTS_OF[type] ?? 0)).toEqual([])
    expect(rows.filter(({ state }) => state !== 'delivered')).toEqual([])
  })

  it('sends twice only what was in flight', () => {
    const explained = (key: string) => (inFlight.get(key) ?? 0) + (late.get(key) ?? 0)
    expect([...seen.values()].filter(({ key, requests }) => requests > 1 + explained(key))).toEqual([])
    expect(sum([...late.values()])).toBeLessThan(DELIVERIES / 100)
    const known = new Set(rows.map(({ key }) => key))
    expect([...seen.keys()].filter((key) => !known.has(key))).toEqual([])
    expect([...seen.values()].filter(({ unsigned }) => unsigned > 0)).toEqual([])
  })

  it('writes each attempt once, without a gap', () => {
    expect(withGaps(rows)).toEqual([])
    const others = rows.filter(({ key, outcomes }) =>
      outcomes.slice(0, -1).some((outcome) => outcome !== 'lost' && !(outcome === 'timed_out' && late.has(key))),
    )
    expect(others).toEqual([])
    expect(rows.filter(({ outcomes }) => outcomes.at(-1) !== 'delivered')).toEqual([])
  })

  it('tells its figures', () => {
    const duplicates = sum([...seen.values()].map(({ requests }) => requests - 1))
    const bound = sum(atKill)
    console.info('postgres workers:', {
      seed: SEED,
      kills: atKill.length,
      acknowledged: accepted.size,
      deliveries: rows.length,
      tookMs: Math.round(tookMs),
      duplicates,
      inFlightAtKills: bound,
      late: sum([...late.values()]),
      lostAttempts: sum(rows.map(lostAttempts)),
      lostRepeatedly,
      ends: endsOf(rows),
    })
    expect(duplicates).toBeLessThanOrEqual(bound + sum([...late.values()]))
  })
})
