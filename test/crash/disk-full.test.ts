import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { integrityOf, readLedger, withGaps } from '../support/crash/ledger.ts'
import type { Program } from '../support/crash/program.ts'
import { openScene, type Scene } from '../support/crash/scene.ts'
import { mountingCommand, onSmallDisk } from '../support/crash/small-disk.ts'

const OPTIONS = { pollMs: 10, acceptTimeoutMs: 300 }
/** 800 KiB; an empty database has a quarter of it. */
const PAGES_MAX = 200
const mounting = mountingCommand()

describe('a full disk', () => {
  let scene: Scene

  beforeEach(async () => {
    scene = await openScene()
    await scene.endpoints([{ path: '/quick/one' }])
  })

  afterEach(() => scene.close())

  async function fillAndFree(name: string, host: Program): Promise<void> {
    await host.line('up')
    const pour = { do: 'pour', type: 'order.paid', perTurn: 10, everyMs: 5, bytes: 3_000 }
    await host.ask({ ...pour, prefix: 'filling', turns: 100 }, 'poured', 30_000)
    const refused = host.all('refused')
    expect(refused.length).toBeGreaterThan(100)
    expect(host.all('accepted').length).toBeGreaterThan(10)
    expect(refused.filter(({ code }) => code !== 'busy' && !code.startsWith('storage_'))).toEqual([])
    const during = await host.ask(
      { do: 'send', events: [{ id: 'during', type: 'order.paid', data: 'x'.repeat(10_000) }] },
      'refused',
    )
    expect(during.id).toBe('during')

    host.tell({ do: 'room' })
    await host.ask({ do: 'send', events: [{ id: 'after', type: 'order.paid', data: 'x'.repeat(10_000) }] }, 'accepted')
    const accepted = host.all('accepted')
    const delivered = () => new Set(host.all('delivered').map(({ eventId }) => eventId))
    await vi.waitUntil(() => accepted.every(({ id }) => delivered().has(id)), { timeout: 20_000, interval: 50 })
    await host.ask({ do: 'stop' }, 'stopped')
    await host.ended

    const entries = await scene.withSender(readLedger)
    const written = new Map(entries.map(({ delivery }) => [delivery.eventId, delivery.state]))
    expect(accepted.filter(({ id }) => written.get(id) !== 'delivered')).toEqual([])
    expect(refused.filter(({ id, code }) => code === 'busy' && written.has(id ?? ''))).toEqual([])
    expect(entries.filter(({ delivery }) => delivery.state !== 'delivered')).toEqual([])
    expect(withGaps(entries)).toEqual([])
    expect(integrityOf(scene.path)).toBe('ok')
    const codes = Object.fromEntries(
      new Set(refused.map(({ code }) => [code, refused.filter((r) => r.code === code).length])),
    )
    console.info(`full disk, ${name}:`, { acknowledged: accepted.length, refused: codes, written: written.size })
  }

  it('by a limit of SQLite: refuses, acknowledges nothing falsely, and recovers', async () => {
    await fillAndFree('by a limit', scene.sender({ options: OPTIONS, start: true, pagesMax: PAGES_MAX }))
  })

  // Where nothing can be mounted the limit above has to do.
  it.skipIf(mounting === null)('in truth: refuses, acknowledges nothing falsely, and recovers', async () => {
    const { within, path, ballast } = onSmallDisk(mounting ?? [], scene.folder)
    await fillAndFree('mounted', scene.sender({ options: OPTIONS, start: true, path, ballast }, within))
  })
})
