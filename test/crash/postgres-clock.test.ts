/** Nodes on one Postgres whose clocks are wrong: they go by the server's, and take no lease that another still holds. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Program } from '../support/crash/program.ts'
import { endsOf, lostAttempts, type Row, readRows, withGaps } from '../support/postgres/ledger.ts'
import type { Arrival, NodeConfig, Sequence } from '../support/postgres/node-messages.ts'
import { type NodeScene, openNodeScene } from '../support/postgres/node-scene.ts'

const SKEW_MS = 20_000
/** The customers take 2 s for an answer: within the deadline, so that each lease is alive for long. */
const OPTIONS = {
  attempt: { deadlineMs: 4_000 },
  lease: { marginMs: 200 },
  pollMs: 50,
  // So few that one node alone can not take all.
  concurrency: { total: 12, perEndpoint: 4 },
}
const SHARED_ENDPOINTS = 16
const SHARED_EVENTS = 4
const OWN_ENDPOINTS = 6
const OWN_EVENTS = 2

/** What each node's clock is off by. The last one is right, until somebody sets it while the node is at work. */
const SKEWS = { right: 0, ahead: SKEW_MS, behind: -SKEW_MS, set: 0 }
type Name = keyof typeof SKEWS
const names = Object.keys(SKEWS) as Name[]
const DELIVERIES = SHARED_ENDPOINTS * SHARED_EVENTS + names.length * OWN_ENDPOINTS * OWN_EVENTS

const sequence = (name: string, type: string, events: number, pauseMs = 0): Sequence => ({
  name,
  key: null,
  type,
  fails: Array.from({ length: events }, () => 0),
  pausesMs: Array.from({ length: events }, (_, n) => (n === 0 ? 0 : pauseMs)),
})

describe('nodes whose clocks are 20 s wrong, with leases of 4 s and customers that take 2 s', () => {
  let scene: NodeScene
  let host: Program
  let rows: Row[]
  let arrivals: Arrival[]
  const nodes = new Map<Name, Program>()
  /** Leases that were alive when they were taken, by the nodes that shared a storage without a clock. */
  const taken: Record<string, number> = {}

  beforeAll(async () => {
    scene = await openNodeScene()
    await scene.endpoints([
      ...Array.from({ length: SHARED_ENDPOINTS }, (_, n) => ({ path: `/slow/${n}`, eventTypes: ['shared'] })),
      ...names.flatMap((name) =>
        Array.from({ length: OWN_ENDPOINTS }, (_, n) => ({ path: `/slow/${name}-${n}`, eventTypes: [`${name}.${n}`] })),
      ),
    ])
    host = scene.node({ options: {}, start: false })
    for (const name of names) nodes.set(name, start({ skewMs: SKEWS[name] }))
    await Promise.all([host, ...nodes.values()].map((program) => program.line('up')))
    await deliverAll()
    rows = await readRows(scene.server)
    arrivals = await scene.arrivals()
    await Promise.all([...nodes.values()].map((node) => node.ask({ do: 'stop' }, 'stopped')))
    // The same without storage time: what is asserted of the others must not come true by itself.
    for (const name of ['ahead', 'behind'] as const) taken[name] = await leasesTakenWithoutTime(name)
  }, 60_000)

  afterAll(() => scene?.close())

  function start(config: Partial<NodeConfig>): Program {
    return scene.node({ options: OPTIONS, start: true, ...config })
  }

  /** Events for all, and each node's own, which it leases to itself as it accepts them. */
  async function deliverAll(): Promise<void> {
    const poured = [host.ask({ do: 'sequences', sequences: [sequence('shared', 'shared', SHARED_EVENTS)] }, 'poured')]
    for (const [name, node] of nodes) {
      const own = Array.from({ length: OWN_ENDPOINTS }, (_, n) => `${name}.${n}`)
      const sequences = own.map((type) => sequence(type.replace('.', '_'), type, OWN_EVENTS, 2_500))
      poured.push(node.ask({ do: 'sequences', sequences }, 'poured'))
    }
    // All of them are amid requests: now its clock is set.
    await Promise.all([...nodes.values()].map((node) => node.line('request')))
    nodes.get('set')?.tell({ do: 'skew', skewMs: SKEW_MS })
    await Promise.all(poured)
    await scene.atRest(20_000)
  }

  /** A right node and a wrong one, each by its own clock, until one of them has taken what was the other's. */
  async function leasesTakenWithoutTime(wrong: 'ahead' | 'behind'): Promise<number> {
    const pair = [start({ timeless: true }), start({ timeless: true, skewMs: SKEWS[wrong] })]
    await Promise.all(pair.map((node) => node.line('up')))
    // Each leases to itself what it accepts.
    const sequencesOf = (n: number) => [sequence(`without_${wrong}_${n}`, `right.${n}`, 1)]
    await Promise.all(pair.map((node, n) => node.ask({ do: 'sequences', sequences: sequencesOf(n) }, 'poured')))
    const repeated = async () => {
      const seen = (await scene.arrivals()).filter(({ id }) => id.startsWith(`evt_without_${wrong}_`))
      return seen.length - new Set(seen.map(keyOf)).size
    }
    await vi.waitUntil(async () => (await repeated()) > 0, { timeout: 10_000, interval: 50 })
    await Promise.all(pair.map((node) => node.kill()))
    const own = (await readRows(scene.server)).filter(({ eventId }) => eventId.startsWith(`evt_without_${wrong}_`))
    return own.reduce((sum, row) => sum + lostAttempts(row), 0)
  }

  const keyOf = ({ id, path }: Pick<Arrival, 'id' | 'path'>) => `${id} ${path}`

  it('deliver each once, and lose no attempt', () => {
    expect(rows).toHaveLength(DELIVERIES)
    expect(endsOf(rows)).toEqual({ 'delivered: delivered': DELIVERIES })
    expect(withGaps(rows)).toEqual([])
    expect(arrivals).toHaveLength(DELIVERIES)
    expect(new Set(arrivals.map(keyOf)).size).toBe(DELIVERIES)
  })

  it('settle all that they begin, without an error', () => {
    const settled = [...nodes.values()].flatMap((node) => node.all('settled'))
    expect(settled.filter(({ status }) => status !== 'applied')).toEqual([])
    expect(settled).toHaveLength(DELIVERIES)
    expect([host, ...nodes.values()].flatMap((node) => [...node.all('error'), ...node.all('refused')])).toEqual([])
  })

  it('are all at work: nobody is kept from claiming by its clock', () => {
    for (const [name, node] of nodes) {
      const own = node.all('request').filter(({ key }) => key.startsWith('evt_shared_'))
      expect(own.length, name).toBeGreaterThan(0)
    }
  })

  it('would take live leases if each went by its own clock', () => {
    expect(taken.ahead).toBeGreaterThan(0)
    expect(taken.behind).toBeGreaterThan(0)
  })

  it('tell their figures', () => {
    console.info('postgres clocks:', {
      skewMs: SKEWS,
      deliveries: rows.length,
      requests: arrivals.length,
      requestsOf: Object.fromEntries([...nodes].map(([name, node]) => [name, node.all('request').length])),
      lostAttempts: rows.reduce((sum, row) => sum + lostAttempts(row), 0),
      takenWithoutStorageTime: taken,
    })
  })
})
