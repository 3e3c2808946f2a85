import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Entry, endsOf, readLedger, withGaps } from '../support/crash/ledger.ts'
import type { Seen } from '../support/crash/messages.ts'
import type { Program } from '../support/crash/program.ts'
import { openScene, type Scene } from '../support/crash/scene.ts'

const ENDPOINTS = 20
const DELIVERIES = 20_000
const EVENTS = DELIVERIES / ENDPOINTS
/** Some hundred deliveries a second, on the slowest machine that these tests are for. */
const WITHIN_MS = 75_000

/** Leases as they are by default: nobody dies here, so none runs out. */
const OPTIONS = { pollMs: 10, concurrency: { total: 64, perEndpoint: 8 } }

describe('two senders in two processes on one file', () => {
  let scene: Scene
  let entries: Entry[]
  let seen: Map<string, Seen>
  let tookMs: number
  const shares: number[] = []

  beforeAll(async () => {
    scene = await openScene()
    await scene.endpoints(Array.from({ length: ENDPOINTS }, (_, n) => ({ path: `/quick/${n}` })))
    // Neither delivers yet: all of it waits for both.
    const both = [1, 2].map(() => scene.sender({ options: OPTIONS, start: true, waits: true }))
    const host = scene.sender({ options: OPTIONS, start: false })
    await Promise.all([host.line('up'), ...both.map((program) => program.line('ready'))])
    await pour(host, 'before', EVENTS / 2)
    const began = performance.now()
    for (const program of both) program.tell({ do: 'go' })
    await Promise.all(both.map((program) => program.line('up')))
    // The other half comes in at both while they deliver, by the fast lane where there is room.
    await Promise.all(both.map((program, n) => pour(program, `during_${n}`, EVENTS / 4)))
    await allDelivered(both)
    tookMs = performance.now() - began
    for (const program of both) {
      const { attempts } = await program.ask({ do: 'figures' }, 'figures')
      shares.push(attempts)
      await program.ask({ do: 'stop' }, 'stopped')
    }
    entries = await scene.withSender(readLedger)
    seen = await scene.seen()
  }, 150_000)

  afterAll(() => scene.close())

  async function pour(program: Program, prefix: string, events: number): Promise<void> {
    const perTurn = 25
    await program.ask(
      { do: 'pour', prefix, type: 'order.paid', perTurn, everyMs: 5, turns: events / perTurn, bytes: 100 },
      'poured',
      60_000,
    )
  }

  /** Each tells of what it settled itself. */
  async function allDelivered(programs: readonly Program[]): Promise<void> {
    const delivered = () => programs.reduce((sum, program) => sum + program.all('delivered').length, 0)
    await vi.waitUntil(() => delivered() >= DELIVERIES, { timeout: WITHIN_MS, interval: 100 })
  }

  it('delivers 20,000, each of them once', () => {
    expect(endsOf(entries)).toEqual({ 'delivered: delivered': DELIVERIES })
    expect(seen.size).toBe(DELIVERIES)
    expect([...seen.values()].filter(({ requests, unsigned }) => requests !== 1 || unsigned !== 0)).toEqual([])
  })

  it('never leases one twice at once', () => {
    expect(withGaps(entries)).toEqual([])
    expect([...seen.values()].filter(({ overlaps }) => overlaps > 0)).toEqual([])
  })

  it('shares the work, in good time', () => {
    console.info('two processes:', { deliveries: DELIVERIES, tookMs: Math.round(tookMs), shares })
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(DELIVERIES)
    for (const share of shares) expect(share).toBeGreaterThan(DELIVERIES / 10)
    expect(tookMs).toBeLessThan(WITHIN_MS)
  })
})
