/** A Postgres that dies and comes back every three seconds: nothing is lost, and claims go on soon after it is back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Seen } from '../support/crash/messages.ts'
import type { Program } from '../support/crash/program.ts'
import { endsOf, lostAttempts, lostOf, type Row, readRows, withGaps } from '../support/postgres/ledger.ts'
import { openPostgresScene, type PostgresScene } from '../support/postgres/scene.ts'

const RESTARTS = 8
const EVERY_MS = 3_000
const RESUMED_WITHIN_MS = 2_000
const ENDPOINTS = 5
/** One event falls due every so often from the beginning to after the last return, so that there always is something to claim. */
const TIMED_EVERY_MS = 20
const LOAD_MS = RESTARTS * EVERY_MS

/** A lease outlives the time that the server is away: what was answered meanwhile is settled afterwards. */
const OPTIONS = {
  attempt: { deadlineMs: 1_000 },
  lease: { marginMs: 4_000 },
  pollMs: 100,
  concurrency: { total: 64, perEndpoint: 16 },
}

describe('a Postgres that is killed and started again every 3 s', () => {
  let scene: PostgresScene
  let rows: Row[]
  let seen: Map<string, Seen>
  let accepted: Set<string>
  let refused: string[]
  let lostRepeatedly: number
  let workers: Program[]
  const resumedMs: number[] = []
  const awayMs: number[] = []

  beforeAll(async () => {
    scene = await openPostgresScene()
    await scene.endpoints(
      Array.from({ length: ENDPOINTS }, (_, n) => ({
        path: `/steady/${n}`,
        eventTypes: n === 0 ? ['order.*'] : ['order.paid'],
      })),
    )
    const host = scene.sender({ options: {}, start: false })
    // They accept nothing: each of their requests is made for a claim.
    workers = [1, 2].map(() => scene.sender({ options: OPTIONS, start: true, verbose: true }))
    await Promise.all([host, ...workers].map((program) => program.line('up')))
    const now = Date.now()
    const timed = Array.from({ length: LOAD_MS / TIMED_EVERY_MS }, (_, n) => ({
      type: 'order.timed',
      data: { n },
      deliverAt: now + n * TIMED_EVERY_MS,
    }))
    await host.ask({ do: 'send', events: timed }, 'poured')
    const turns = LOAD_MS / 100
    const poured = host.ask({ do: 'pour', type: 'order.paid', perTurn: 8, everyMs: 100, turns }, 'poured', 60_000)
    const began = performance.now()
    for (let n = 0; n < RESTARTS; n++) {
      await sleep(Math.max(0, began + n * EVERY_MS + 500 - performance.now()))
      await restart()
    }
    await poured
    lostRepeatedly = (await scene.settled(20_000)).lostRepeatedly
    await Promise.all([host, ...workers].map((program) => program.ask({ do: 'stop' }, 'stopped')))
    accepted = new Set(host.all('accepted').map(({ id }) => id))
    refused = host.all('refused').map(({ code }) => code)
    rows = await readRows(scene.server)
    seen = await scene.seen()
  }, 90_000)

  afterAll(() => scene.close())

  async function restart(): Promise<void> {
    const died = performance.now()
    await scene.server.crash()
    const started = scene.server.start()
    await firstConnection(scene.server.url)
    const back = performance.now()
    awayMs.push(Math.round(back - died))
    await nextRequest()
    resumedMs.push(Math.round(performance.now() - back))
    await started
  }

  /** Whose lease was claimed after the return: what had been claimed before was begun or lost when the server died. */
  function nextRequest(): Promise<unknown> {
    return Promise.race(workers.map((worker) => worker.line('request', { from: worker.lines.length })))
  }

  it('claims again within two seconds of its return', () => {
    expect(resumedMs).toHaveLength(RESTARTS)
    expect(resumedMs.filter((ms) => ms > RESUMED_WITHIN_MS)).toEqual([])
  })

  it('loses nothing that was acknowledged', () => {
    expect(accepted.size).toBeGreaterThan(LOAD_MS / TIMED_EVERY_MS)
    expect(lostOf(accepted, rows, seen, (type) => (type === 'order.paid' ? ENDPOINTS : 1))).toEqual([])
    expect(rows.filter(({ state }) => state !== 'delivered')).toEqual([])
  })

  it('sends twice only what was lost', () => {
    const beyond = rows.filter((row) => (seen.get(row.key)?.requests ?? 0) > 1 + lostAttempts(row))
    expect(beyond).toEqual([])
    const known = new Set(rows.map(({ key }) => key))
    expect([...seen.keys()].filter((key) => !known.has(key))).toEqual([])
  })

  it('writes each attempt once, without a gap', () => {
    expect(withGaps(rows)).toEqual([])
    expect(rows.filter(({ outcomes }) => outcomes.filter((outcome) => outcome === 'delivered').length !== 1)).toEqual(
      [],
    )
  })

  it('tells its figures', () => {
    const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
    console.info('postgres restarts:', {
      awayMs,
      resumedMs,
      acknowledged: accepted.size,
      refused: refused.length,
      deliveries: rows.length,
      duplicates: sum([...seen.values()].map(({ requests }) => requests - 1)),
      lostAttempts: sum(rows.map(lostAttempts)),
      lostRepeatedly,
      ends: endsOf(rows),
    })
  })
})

/** Tries until the server takes a connection and answers on it. */
async function firstConnection(url: string): Promise<void> {
  const until = performance.now() + 20_000
  for (;;) {
    const client = new Client({ connectionString: url })
    try {
      await client.connect()
      await client.query('SELECT 1')
      return
    } catch (error) {
      if (performance.now() >= until) throw new Error('the server does not come back', { cause: error })
      await sleep(10)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
