/** A worker on Postgres that stands still amid its transaction, with rows locked: the server ends it, and others take over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../support/crash/program.ts'
import { endsOf, type Row, readRows } from '../support/postgres/ledger.ts'
import { openPostgresScene, type PostgresScene } from '../support/postgres/scene.ts'

/** Leases of 600 ms. */
const OPTIONS = { pollMs: 20, attempt: { deadlineMs: 400 }, lease: { marginMs: 200 } }
/** The server gives a transaction up that nobody goes on with; the lock that it held may have been waited for in vain before. */
const TAKEN_OVER_WITHIN_MS = 25_000

describe('a worker that is stopped before the COMMIT of its settlement', () => {
  let scene: PostgresScene
  let stopped: Program
  let other: Program
  let rows: Row[]
  let tookMs: number

  beforeAll(async () => {
    scene = await openPostgresScene()
    await scene.endpoints([{ path: '/quick/one', eventTypes: ['order.paid'] }])
    stopped = scene.sender({ options: OPTIONS, start: true, verbose: true, hostPool: true })
    other = scene.sender({ options: OPTIONS, start: true, verbose: true })
    await Promise.all([stopped, other].map((program) => program.line('up')))
    stopped.tell({ do: 'stopAtNextSettle' })
    stopped.tell({ do: 'send', events: [{ type: 'order.paid', data: {} }] })
    await stopped.line('trapped')
    const began = performance.now()
    await other.line('delivered', { withinMs: TAKEN_OVER_WITHIN_MS })
    tookMs = performance.now() - began
    stopped.signal('SIGCONT')
    await stopped.line('settled')
    await Promise.all([stopped, other].map((program) => program.ask({ do: 'stop' }, 'stopped')))
    rows = await readRows(scene.server)
    console.info('postgres stopped amid a transaction:', { takenOverMs: Math.round(tookMs), ends: endsOf(rows) })
  }, 60_000)

  afterAll(() => scene.close())

  it('settles nothing, and finds that out', () => {
    expect(stopped.all('settled').map(({ status }) => status)).toEqual(['stale'])
    expect(stopped.all('delivered')).toEqual([])
    // Its look for work may have stood in a transaction of its own, which was ended, too.
    expect(stopped.all('error').filter(({ context }) => context !== 'looking for work')).toEqual([])
  })

  it('leaves it to another', () => {
    expect(endsOf(rows)).toEqual({ 'delivered: lost, delivered': 1 })
    expect(other.all('delivered')).toHaveLength(1)
  })
})
