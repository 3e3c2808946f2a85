import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Entry, integrityOf, readLedger, withGaps } from '../support/crash/ledger.ts'
import type { Seen } from '../support/crash/messages.ts'
import { type Life, planLives } from '../support/crash/plan.ts'
import type { Program } from '../support/crash/program.ts'
import { openScene, type Scene } from '../support/crash/scene.ts'

const SEED = 20_260_101
const WIDE_ENDPOINTS = 260
/** Endpoints that an event goes to, by its type. */
const EXPECTED: Record<string, number> = { 'order.paid': 3, 'order.made': 2, 'news.flash': WIDE_ENDPOINTS }

/** A lease is over soon after the death of its holder; the deadline is beyond what a busy machine makes a request last. */
const OPTIONS = {
  attempt: { deadlineMs: 1_500 },
  lease: { marginMs: 100 },
  pollMs: 10,
  // Few at once: with each kill all of them are lost, and three losses in a row end a round.
  concurrency: { total: 16, perEndpoint: 8 },
  retry: { delaysMs: [20, 40, 80, 160, 320, 640] },
}

let scene: Scene
const plan = planLives(SEED)
const kills: Record<string, number> = {}
const accepted = new Set<string>()
/** How often each request was under way, not known to be settled, when its process was killed. */
const inFlight = new Map<string, number>()

/** What one life has reported, after its death. */
function bury(program: Program): void {
  const open = new Map<string, number>()
  for (const line of program.lines) {
    if (line.is === 'accepted') accepted.add(line.id)
    else if (line.is === 'request') open.set(line.key, (open.get(line.key) ?? 0) + 1)
    else if (line.is === 'settled') open.set(line.key, (open.get(line.key) ?? 0) - 1)
  }
  for (const [key, count] of open) if (count > 0) inFlight.set(key, (inFlight.get(key) ?? 0) + count)
}

async function live(program: Program, life: Life): Promise<void> {
  await program.line('ready')
  program.tell({ do: 'go' })
  if (life.killAfterMs !== null) {
    await sleep(life.killAfterMs)
    program.signal('SIGKILL')
  }
  const timer = setTimeout(() => program.signal('SIGTERM'), 20_000)
  const { signal } = await program.ended
  clearTimeout(timer)
  expect(signal, `the life that was to end ${life.point}`).toBe('SIGKILL')
  kills[life.point] = (kills[life.point] ?? 0) + 1
  bury(program)
}

async function drain(): Promise<void> {
  const last = scene.sender({ options: OPTIONS, start: false, verbose: true })
  await last.line('up')
  const { nextDueAt } = await last.ask({ do: 'drain' }, 'drained', 60_000)
  await last.ask({ do: 'stop' }, 'stopped')
  await last.ended
  bury(last)
  expect(nextDueAt).toBeNull()
}

describe('a program that is killed 200 times', () => {
  let entries: Entry[]
  let seen: Map<string, Seen>
  let lostRepeatedly = 0

  beforeAll(async () => {
    scene = await openScene()
    await scene.endpoints([
      { path: '/steady/all', eventTypes: ['order.*'] },
      { path: '/fickle/all', eventTypes: ['order.*'] },
      { path: '/fickle/paid', eventTypes: ['order.paid'] },
      ...Array.from({ length: WIDE_ENDPOINTS }, (_, n) => ({ path: `/wide/${n}`, tenant: 'wide' })),
    ])
    // Every other life has its database in a thread: each kind comes after a death of the other.
    const next = (life: Life | undefined, thread: boolean) =>
      life &&
      scene.sender({
        thread,
        options: OPTIONS,
        start: true,
        waits: true,
        verbose: true,
        load: life.load,
        traps: life.traps,
      })
    // The next one is loaded while one lives: what it takes to start a program is most of the time.
    let standby = next(plan[0], false)
    for (const [index, life] of plan.entries()) {
      const program = standby as Program
      standby = next(plan[index + 1], index % 2 === 0)
      await live(program, life)
    }
    await drain()
    // Three losses in a row are the end of a round, by design: visible, and brought back by a replay.
    lostRepeatedly = await scene.withSender(async (sender) => {
      const failed = (await readLedger(sender)).filter(({ delivery }) => delivery.state === 'failed')
      for (const { delivery, attempts } of failed) {
        expect(delivery.reason).toBe('lost_repeatedly')
        expect(attempts.slice(-3).map(({ outcome }) => outcome)).toEqual(['lost', 'lost', 'lost'])
      }
      for (const tenant of new Set(failed.map(({ delivery }) => delivery.tenant)))
        await sender.replay({ tenant, state: 'failed' })
      return failed.length
    })
    if (lostRepeatedly > 0) await drain()
    entries = await scene.withSender(readLedger)
    seen = await scene.seen()
  }, 240_000)

  afterAll(() => scene.close())

  it('was killed at each point', () => {
    expect(Object.values(kills).reduce((sum, count) => sum + count, 0)).toBe(200)
    expect(Object.keys(kills)).toHaveLength(11)
  })

  it('loses nothing that it acknowledged', () => {
    expect(accepted.size).toBeGreaterThan(500)
    const perEvent = new Map<string, Entry[]>()
    for (const entry of entries)
      perEvent.set(entry.delivery.eventId, [...(perEvent.get(entry.delivery.eventId) ?? []), entry])
    expect([...accepted].filter((id) => !perEvent.has(id))).toEqual([])
    for (const [first, ...others] of perEvent.values()) {
      expect(1 + others.length).toBe(EXPECTED[first?.delivery.type ?? ''])
    }
    expect(entries.filter(({ delivery }) => delivery.state !== 'delivered')).toEqual([])
    expect(entries.filter(({ key }) => (seen.get(key)?.taken ?? 0) === 0)).toEqual([])
  })

  it('sends twice only what was in flight', () => {
    const duplicates = [...seen.values()].filter(({ key, taken }) => taken > 1 + (inFlight.get(key) ?? 0))
    expect(duplicates).toEqual([])
    expect(entries.flatMap(({ attempts }) => attempts.filter(({ outcome }) => outcome === 'timed_out'))).toEqual([])
  })

  it('sends nothing that is in no database', () => {
    const known = new Set(entries.map(({ key }) => key))
    expect([...seen.keys()].filter((key) => !known.has(key))).toEqual([])
  })

  it('writes each attempt once, without a gap', () => {
    expect(withGaps(entries)).toEqual([])
    const wrong = entries.filter(({ key, attempts }) => {
      const requests = seen.get(key)?.requests ?? 0
      const known = attempts.filter(({ outcome }) => outcome !== 'lost').length
      return requests < known || requests > attempts.length
    })
    expect(wrong).toEqual([])
  })

  it('signs every request', () => {
    expect([...seen.values()].filter(({ unsigned }) => unsigned > 0)).toEqual([])
  })

  it('leaves a sound file', () => {
    expect(integrityOf(scene.path)).toBe('ok')
  })

  it('tells its figures', () => {
    const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0)
    const duplicates = sum([...seen.values()].map(({ taken }) => taken - 1))
    const bound = sum([...inFlight.values()])
    expect(duplicates).toBeLessThanOrEqual(bound)
    console.info('kill test:', {
      seed: SEED,
      kills,
      acknowledged: accepted.size,
      events: new Set(entries.map(({ delivery }) => delivery.eventId)).size,
      deliveries: entries.length,
      requests: sum([...seen.values()].map(({ requests }) => requests)),
      duplicates,
      inFlightAtKills: bound,
      lostAttempts: sum(entries.map(({ attempts }) => attempts.filter(({ outcome }) => outcome === 'lost').length)),
      lostRepeatedly,
    })
  })
})
