import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Entry, integrityOf, readLedger, withGaps } from '../support/crash/ledger.ts'
import type { Seen, Trap } from '../support/crash/messages.ts'
import type { Program } from '../support/crash/program.ts'
import { openScene, type Scene } from '../support/crash/scene.ts'

const CYCLES = 50
/** Leases of 350 ms. */
const OPTIONS = {
  pollMs: 10,
  attempt: { deadlineMs: 250 },
  lease: { marginMs: 100 },
  retry: { delaysMs: [20, 20, 20, 20] },
}

/** Where the worker stands still: before it began what it has leased, amid its request, and with the result in its hands. */
const STOPS = {
  'before the request': { on: 'insertEvents', when: 'after', nth: 1, fate: 'stop' },
  'in the request': { on: 'send', when: 'during', nth: 1, afterMs: 30, fate: 'stop' },
  'before settling': { on: 'settle', when: 'before', nth: 1, fate: 'stop' },
} satisfies Record<string, Trap>
type Stop = keyof typeof STOPS
const stops = Object.keys(STOPS) as Stop[]

describe('a worker that is stopped past its lease and continued, 50 times', () => {
  let scene: Scene
  let stopped: Program
  let other: Program
  let entries: Entry[]
  let seen: Map<string, Seen>
  const stopOf = new Map<string, Stop>()
  const stale: Record<string, number> = {}

  beforeAll(async () => {
    scene = await openScene()
    await scene.endpoints([{ path: '/slow-first/one' }])
    stopped = scene.sender({ options: OPTIONS, start: true, verbose: true })
    other = scene.sender({ options: OPTIONS, start: true, verbose: true })
    await Promise.all([stopped.line('up'), other.line('up')])
    for (let cycle = 0; cycle < CYCLES; cycle++) await stand(`evt_${cycle}`, stops[cycle % stops.length] as Stop)
    for (const program of [stopped, other]) await program.ask({ do: 'stop' }, 'stopped')
    entries = await scene.withSender(readLedger)
    seen = await scene.seen()
    const outcomes = entries.map(({ attempts }) => attempts.map(({ outcome }) => outcome).join(' '))
    console.info('stopped worker:', { cycles: CYCLES, stale, outcomes: Object.fromEntries(countsOf(outcomes)) })
  }, 90_000)

  afterAll(() => scene.close())

  function countsOf(names: readonly string[]): Map<string, number> {
    const counts = new Map<string, number>()
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
    return counts
  }

  /** The worker leases an event of its own and stands still; the other delivers it; then the worker goes on. */
  async function stand(id: string, stop: Stop): Promise<void> {
    stopOf.set(id, stop)
    const from = stopped.lines.length
    stopped.tell({ do: 'trap', trap: STOPS[stop] })
    stopped.tell({ do: 'send', events: [{ id, type: 'order.paid', data: {} }] })
    await stopped.line('trapped', { from })
    await other.line('delivered', { fits: ({ eventId }) => eventId === id })
    stopped.signal('SIGCONT')
    await stopped.line('accepted', { from, fits: (line) => line.id === id })
    if (stop !== 'before the request') {
      const { status } = await stopped.line('settled', { from, fits: ({ key }) => key.startsWith(`${id} `) })
      stale[`${stop}: ${status}`] = (stale[`${stop}: ${status}`] ?? 0) + 1
    }
    await idle(stopped)
  }

  async function idle(program: Program): Promise<void> {
    for (;;) {
      const { inFlight } = await program.ask({ do: 'figures' }, 'figures')
      if (inFlight === 0) return
    }
  }

  it('finds that its late results are stale', () => {
    const late = CYCLES - [...stopOf.values()].filter((stop) => stop === 'before the request').length
    expect(Object.values(stale).reduce((sum, count) => sum + count, 0)).toBe(late)
    expect(Object.keys(stale).sort()).toEqual(['before settling: stale', 'in the request: stale'])
    expect(stopped.all('delivered')).toEqual([])
    expect(stopped.all('settled').filter(({ status }) => status !== 'stale')).toEqual([])
  })

  it('begins no request with a lease that is over', () => {
    const begun = stopped.all('request').map(({ key }) => stopOf.get(key.split(' ')[0] ?? ''))
    expect(begun.filter((stop) => stop === 'before the request')).toEqual([])
    expect(begun).toHaveLength(CYCLES - [...stopOf.values()].filter((stop) => stop === 'before the request').length)
  })

  it('changes nothing that the other wrote', () => {
    expect(entries).toHaveLength(CYCLES)
    expect(withGaps(entries)).toEqual([])
    const wrong = entries.filter(({ delivery, attempts }) => {
      const outcomes = attempts.map(({ outcome }) => outcome)
      const others = outcomes.slice(1, -1).some((outcome) => outcome === 'delivered' || outcome === 'lost')
      return delivery.state !== 'delivered' || outcomes[0] !== 'lost' || outcomes.at(-1) !== 'delivered' || others
    })
    expect(wrong).toEqual([])
    expect(countsOf(other.all('delivered').map(({ eventId }) => eventId)).size).toBe(CYCLES)
    expect(other.all('delivered')).toHaveLength(CYCLES)
    expect(integrityOf(scene.path)).toBe('ok')
  })

  it('costs at most one duplicate each', () => {
    const wrong = entries.filter(({ key, delivery, attempts }) => {
      const begunHere = stopOf.get(delivery.eventId) === 'before the request' ? 0 : 1
      return (seen.get(key)?.requests ?? 0) > begunHere + attempts.length - 1
    })
    expect(wrong).toEqual([])
  })
})
