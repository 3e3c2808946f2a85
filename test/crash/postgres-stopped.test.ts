/** A worker on Postgres that stands still for longer than its leases: others take over, and what it brings late changes nothing. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Seen, Trap } from '../support/crash/messages.ts'
import type { Program } from '../support/crash/program.ts'
import { endsOf, type Row, readRows, withGaps } from '../support/postgres/ledger.ts'
import { openPostgresScene, type PostgresScene } from '../support/postgres/scene.ts'

const CYCLES = 12
/** Leases of 600 ms. */
const OPTIONS = { pollMs: 20, attempt: { deadlineMs: 400 }, lease: { marginMs: 200 } }

/** Where the worker stands still: before it began what it has leased, amid its request, and with the result in its hands. */
const STOPS = {
  'before the request': { on: 'insertEvents', when: 'after', nth: 1, fate: 'stop' },
  'in the request': { on: 'send', when: 'during', nth: 1, afterMs: 30, fate: 'stop' },
  'before settling': { on: 'settle', when: 'before', nth: 1, fate: 'stop' },
} satisfies Record<string, Trap>
type Stop = keyof typeof STOPS
const stops = Object.keys(STOPS) as Stop[]

describe('a worker that is stopped past its lease and continued', () => {
  let scene: PostgresScene
  let stopped: Program
  let others: Program[]
  let rows: Row[]
  let seen: Map<string, Seen>
  const stopOf = new Map<string, Stop>()
  const stale: Record<string, number> = {}

  beforeAll(async () => {
    scene = await openPostgresScene()
    // Its first answer takes 100 ms: the worker is stopped before.
    await scene.endpoints([{ path: '/slow-first/one', eventTypes: ['order.paid'] }])
    const start = () => scene.sender({ options: OPTIONS, start: true, verbose: true })
    stopped = start()
    others = [start(), start()]
    await Promise.all([stopped, ...others].map((program) => program.line('up')))
    for (let cycle = 0; cycle < CYCLES; cycle++) await stand(`evt_${cycle}`, stops[cycle % stops.length]!)
    await Promise.all([stopped, ...others].map((program) => program.ask({ do: 'stop' }, 'stopped')))
    rows = await readRows(scene.server)
    seen = await scene.seen()
    console.info('postgres stopped worker:', { cycles: CYCLES, stale, ends: endsOf(rows) })
  }, 60_000)

  afterAll(() => scene.close())

  /** The worker leases an event of its own and stands still; another delivers it; then the worker goes on. */
  async function stand(id: string, stop: Stop): Promise<void> {
    stopOf.set(id, stop)
    const from = stopped.lines.length
    stopped.tell({ do: 'trap', trap: STOPS[stop] })
    stopped.tell({ do: 'send', events: [{ id, type: 'order.paid', data: {} }] })
    await stopped.line('trapped', { from })
    const takenOver = () => deliveredByOthers().some(({ eventId }) => eventId === id)
    await vi.waitUntil(takenOver, { timeout: 10_000, interval: 10 })
    stopped.signal('SIGCONT')
    await stopped.line('accepted', { from, fits: (line) => line.id === id })
    if (stop !== 'before the request') {
      const { status } = await stopped.line('settled', { from, fits: ({ key }) => key.startsWith(`${id} `) })
      stale[`${stop}: ${status}`] = (stale[`${stop}: ${status}`] ?? 0) + 1
    }
    await idle(stopped)
  }

  function deliveredByOthers() {
    return others.flatMap((other) => other.all('delivered'))
  }

  async function idle(program: Program): Promise<void> {
    for (;;) {
      const { inFlight } = await program.ask({ do: 'figures' }, 'figures')
      if (inFlight === 0) return
    }
  }

  const begunBy = (stop: Stop | undefined) => stop !== 'before the request'

  it('finds that its late results are stale', () => {
    const late = [...stopOf.values()].filter(begunBy).length
    expect(stale).toEqual({ 'in the request: stale': late / 2, 'before settling: stale': late / 2 })
    expect(stopped.all('settled').filter(({ status }) => status !== 'stale')).toEqual([])
    expect(stopped.all('delivered')).toEqual([])
  })

  it('begins no request with a lease that is over', () => {
    const begun = stopped.all('request').map(({ key }) => stopOf.get(key.split(' ')[0] ?? ''))
    expect(begun).toEqual([...stopOf.values()].filter(begunBy))
  })

  it('changes nothing that the others wrote', () => {
    expect(rows).toHaveLength(CYCLES)
    expect(withGaps(rows)).toEqual([])
    expect(endsOf(rows)).toEqual({ 'delivered: lost, delivered': CYCLES })
    expect(deliveredByOthers().map(({ eventId }) => eventId)).toEqual(expect.arrayContaining([...stopOf.keys()]))
    expect(deliveredByOthers()).toHaveLength(CYCLES)
  })

  it('costs at most one duplicate each', () => {
    for (const { key, eventId } of rows) {
      expect(seen.get(key)?.requests ?? 0).toBeLessThanOrEqual(begunBy(stopOf.get(eventId)) ? 2 : 1)
    }
  })
})
