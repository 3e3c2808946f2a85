/** Ordering keys on Postgres, with failing endpoints and workers that are killed: each key in order, and none delays another. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Program } from '../support/crash/program.ts'
import { endsOf, lostAttempts, type Row, readRows, withGaps } from '../support/postgres/ledger.ts'
import type { Arrival } from '../support/postgres/node-messages.ts'
import { type NodeScene, openNodeScene } from '../support/postgres/node-scene.ts'
import { firstTaken, isAscending, latencyOf, outOfTurn, type Turns, turnsOf } from '../support/postgres/order-checks.ts'
import {
  ENDPOINTS_OF,
  EVENTS_PER_KEY,
  isNeverTaken,
  KEYS,
  ORDER_DELIVERIES,
  PROBES,
  planDeaths,
  planOrders,
  planProbes,
  planStuck,
  STUCK_KEYS,
  subscriptions,
} from '../support/postgres/order-plan.ts'

const SEED = 20_260_104
const HOSTS = 3
const WORKERS = 3
const KILLS = 10

/** A lease is over soon after the death of its holder, and later than a busy machine makes a request last. */
const OPTIONS = {
  attempt: { deadlineMs: 2_000 },
  lease: { marginMs: 500 },
  pollMs: 100,
  // Few at once: with each kill all of them are lost, and three losses in a row end a round.
  concurrency: { total: 48, perEndpoint: 12 },
  retry: { delaysMs: [100, 150, 200, 300, 400, 600, 800] },
}
/** Where heads fail for long while others are to pass. */
const STUCK_DELAY_MS = 4_000
const STUCK_RETRY = { delaysMs: [STUCK_DELAY_MS, STUCK_DELAY_MS, STUCK_DELAY_MS], jitter: 0 }

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)

describe('200 ordering keys of 20 events each, three workers that are killed, and endpoints that fail', () => {
  let scene: NodeScene
  let hosts: Program[]
  let rows: Map<string, Row>
  let arrivals: Arrival[]
  let turns: Turns[]
  /** What had come when the last probe was at both endpoints that are not resting. */
  let probed: Arrival[]
  let tookMs: number
  const programs: Program[] = []
  const sentAt = new Map<string, number>()
  /** How often each request was under way, not known to be settled, when its process was killed. */
  const inFlight = new Map<string, number>()
  const atKill: number[] = []

  beforeAll(async () => {
    scene = await openNodeScene()
    const isStuck = (path: string) => ENDPOINTS_OF.probe?.includes(path)
    await scene.endpoints(subscriptions().map((one) => (isStuck(one.path) ? { ...one, retry: STUCK_RETRY } : one)))
    hosts = Array.from({ length: HOSTS }, () => scene.node({ options: {}, start: false }))
    const workers = Array.from({ length: WORKERS }, startWorker)
    await Promise.all([...hosts, ...workers].map((program) => program.line('up')))
    await probe()
    const began = performance.now()
    await orderAndKill(workers)
    await Promise.all(workers.map((worker) => worker.ask({ do: 'rest' }, 'poured')))
    await scene.atRest(60_000)
    tookMs = performance.now() - began
    await Promise.all([...hosts, ...workers].map((program) => program.ask({ do: 'stop' }, 'stopped')))
    rows = new Map((await readRows(scene.server)).map((row) => [row.key, row]))
    arrivals = await scene.arrivals()
    turns = turnsOf(arrivals)
    for (const { id, from } of hosts.flatMap((host) => host.all('accepted'))) sentAt.set(id, from)
  }, 180_000)

  afterAll(() => scene?.close())

  /** They send a little, too: their own events go by the fast lane where there is room. */
  function startWorker(): Program {
    const program = scene.node({ options: OPTIONS, start: true, load: { type: 'own', everyMs: 150, perKey: 5 } })
    programs.push(program)
    return program
  }

  /** Some keys stand still at two of three endpoints; then the same events go to all three. */
  async function probe(): Promise<void> {
    const [host] = hosts
    await host!.ask({ do: 'sequences', sequences: planStuck() }, 'poured')
    const standing = () => {
      const failed = programs.flatMap((worker) => worker.all('settled')).filter(({ outcome }) => outcome === 'rejected')
      const at = (path: string) => failed.filter(({ key }) => key.endsWith(` ${path}`)).length
      return at('/rejects/stuck') >= STUCK_KEYS && at('/rests/control') > 0
    }
    await vi.waitUntil(standing, { timeout: 30_000, interval: 10 })
    await host!.ask({ do: 'sequences', sequences: planProbes() }, 'poured')
    const allCame = async () => {
      probed = await scene.arrivals()
      return ['/steady/free', '/rejects/stuck'].every((path) => probesAt(path, probed).length === PROBES)
    }
    await vi.waitUntil(allCame, { timeout: 20_000, interval: 50 })
  }

  const probesAt = (path: string, among: readonly Arrival[]) =>
    among.filter((arrival) => arrival.path === path && arrival.id.startsWith('evt_probe_'))

  async function orderAndKill(workers: Program[]): Promise<void> {
    const orders = planOrders(SEED)
    const before = delivered()
    const poured = hosts.map((host, n) => {
      const sequences = orders.filter((_, k) => k % HOSTS === n)
      return host.ask({ do: 'sequences', sequences }, 'poured', 90_000)
    })
    for (const { worker, afterDeliveries, afterMs } of planDeaths(SEED, KILLS, WORKERS)) {
      await vi.waitUntil(() => delivered() - before >= afterDeliveries, { timeout: 60_000, interval: 10 })
      await sleep(afterMs)
      const dead = workers[worker]!
      await dead.kill()
      workers[worker] = startWorker()
      bury(dead)
    }
    await Promise.all(poured)
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
    const left = [...open].filter(([, count]) => count > 0)
    for (const [key, count] of left) inFlight.set(key, (inFlight.get(key) ?? 0) + count)
    atKill.push(sum(left.map(([, count]) => count)))
  }

  const isLostRepeatedly = ({ outcomes }: Row) => outcomes.slice(-3).join() === 'lost,lost,lost'
  const deliveredOnly = (ids: Row[]) => ids.filter(({ state }) => state === 'delivered')

  it('takes each key in the order in which its events were sent, at each endpoint', () => {
    const orders = turns.filter(({ key }) => /^k\d+$/.test(key))
    expect(orders).toHaveLength(KEYS * 1.2)
    expect(turns.filter((one) => !isAscending(firstTaken(one))).map(({ path, key }) => `${key} at ${path}`)).toEqual([])
    const own = turns.filter(({ path }) => path === '/steady/own')
    expect(own.length).toBeGreaterThan(WORKERS)
  })

  it('begins none before its predecessor has ended', () => {
    expect(turns.flatMap((one) => outOfTurn(one, rows))).toEqual([])
  })

  it('loses nothing, and fails only what no customer takes or what was lost three times', () => {
    const accepted = [...hosts, ...programs].flatMap((program) => program.all('accepted')).map(({ id }) => id)
    expect(accepted.length).toBeGreaterThan(KEYS * EVENTS_PER_KEY + PROBES)
    expect([...hosts, ...programs].flatMap((program) => program.all('refused'))).toEqual([])
    const perEvent = new Map<string, Row[]>()
    for (const row of rows.values()) perEvent.set(row.eventId, [...(perEvent.get(row.eventId) ?? []), row])
    const wrong = accepted.filter((id) => {
      const own = perEvent.get(id) ?? []
      return own.length === 0 || own.length !== ENDPOINTS_OF[own[0]!.type]?.length
    })
    expect(wrong).toEqual([])
    expect([...rows.values()].filter(({ state }) => state !== 'delivered' && state !== 'failed')).toEqual([])
    const never = Array.from({ length: KEYS }, (_, k) => k).filter((k) => isNeverTaken(k, 7))
    const failed = [...rows.values()].filter((row) => row.state === 'failed' && !isLostRepeatedly(row))
    expect(failed.map(({ eventId }) => eventId).sort()).toEqual(never.map((k) => `evt_k${k}_7`).sort())
    const taken = new Set(arrivals.filter(({ status }) => status === 200).map(({ id, path }) => `${id} ${path}`))
    expect(deliveredOnly([...rows.values()]).filter(({ key }) => !taken.has(key))).toEqual([])
  })

  it('sends again only what failed, or what was in flight at a kill', () => {
    expect(atKill).toHaveLength(KILLS)
    const requests = new Map<string, Arrival[]>()
    for (const arrival of arrivals) {
      const key = `${arrival.id} ${arrival.path}`
      requests.set(key, [...(requests.get(key) ?? []), arrival])
    }
    const takenTwice = [...requests].filter(
      ([key, own]) => own.filter(({ status }) => status === 200).length > 1 + (inFlight.get(key) ?? 0),
    )
    expect(takenTwice.map(([key]) => key)).toEqual([])
    expect([...requests].filter(([key, own]) => own.length > (rows.get(key)?.claims ?? 0))).toEqual([])
    expect(withGaps([...rows.values()])).toEqual([])
  })

  it('delays no other key and nothing without a key while heads fail', () => {
    const free = latencyOf(probesAt('/steady/free', arrivals), sentAt)
    const beside = latencyOf(probesAt('/rejects/stuck', arrivals), sentAt)
    // An endpoint that answers 503 rests as a whole: so would it look if a head held up its lane.
    const control = latencyOf(probesAt('/rests/control', arrivals), sentAt)
    console.info('postgres ordering keys, latency of others in ms:', {
      withoutFailingKeys: free,
      besideFailingHeads: beside,
      besideAnEndpointThatRests: control,
    })
    expect(beside.max).toBeLessThan(control.max / 2)
    // The heads failed all the while: the last probe had come before any of them was taken.
    expect(probed.filter(({ id, status }) => id.startsWith('evt_stuck_') && status === 200)).toEqual([])
  })

  it('tells its figures', () => {
    const ordered = arrivals.filter(({ path }) => Object.values(ENDPOINTS_OF).flat().includes(path))
    const keys = new Set(arrivals.map(({ id, path }) => `${id} ${path}`)).size
    console.info('postgres ordering keys:', {
      seed: SEED,
      keys: KEYS,
      turns: turns.length,
      kills: atKill.length,
      deliveries: rows.size,
      ordered: ORDER_DELIVERIES,
      requests: ordered.length,
      again: ordered.length - keys,
      failedRequests: arrivals.filter(({ status }) => status !== 200).length,
      inFlightAtKills: sum(atKill),
      lostAttempts: sum([...rows.values()].map(lostAttempts)),
      lostRepeatedly: [...rows.values()].filter(isLostRepeatedly).length,
      tookMs: Math.round(tookMs),
      ends: endsOf([...rows.values()]),
    })
  })
})
