/** A rolling deployment on Postgres: nodes of the next version come beside those of this one, migrate, and nothing is lost. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { VERSION } from '../../src/version.ts'
import type { Program } from '../support/crash/program.ts'
import { endsOf, type Row, readRows, withGaps } from '../support/postgres/ledger.ts'
import type { Arrival, NodeConfig } from '../support/postgres/node-messages.ts'
import { NEXT_VERSION } from '../support/postgres/node-programs.ts'
import { type NodeScene, openNodeScene } from '../support/postgres/node-scene.ts'

const OPTIONS = { pollMs: 100, retry: { delaysMs: [50, 100, 200, 400] } }
/** Each event goes to so many endpoints. */
const ENDPOINTS = 5
/** What each phase of the deployment waits for: as many further deliveries by the one version, or by the other. */
const DELIVERIES_PER_PHASE = 250

const agentOf = (version: string) => `hookferry/${version}`

describe('nodes of two versions on one schema', () => {
  let scene: NodeScene
  let rows: Row[]
  let arrivals: Arrival[]
  let old: Program[]
  let next: Program[]
  let late: Program
  let columns: string[]
  let versions: { before: number; after: number }
  /** Deliveries by nodes of this version from the moment that the first of the next was up. */
  let byOldAfterwards = 0
  let migrationMs = 0

  beforeAll(async () => {
    scene = await openNodeScene({ next: true })
    await scene.endpoints(
      Array.from({ length: ENDPOINTS }, (_, n) => ({ path: `/steady/${n}`, eventTypes: ['order.paid'] })),
    )
    versions = { before: await storedVersion(), after: 0 }
    // One only accepts: what it leaves is for any node to claim.
    old = [scene.node(config(false)), scene.node(config(true)), scene.node(config(true))]
    await Promise.all(old.map((node) => node.line('up')))
    await delivered(old, DELIVERIES_PER_PHASE)

    const began = performance.now()
    // Both find the schema old, and one migrates it under the eyes of those at work.
    next = [scene.nextNode(config(true)), scene.nextNode(config(true))]
    await Promise.all(next.map((node) => node.line('up')))
    migrationMs = performance.now() - began
    versions.after = await storedVersion()
    const [oldBefore, acceptedBefore] = [count(old, 'delivered'), count(old, 'accepted')]
    await Promise.all([delivered(old, DELIVERIES_PER_PHASE), delivered(next, DELIVERIES_PER_PHASE)])
    expect(count(old, 'accepted')).toBeGreaterThan(acceptedBefore)
    byOldAfterwards = count(old, 'delivered') - oldBefore

    late = scene.node(config(true))
    await late.line('refused')
    await rollOut()
    columns = await columnsOfDelivery()
    rows = await readRows(scene.server)
    arrivals = await scene.arrivals()
  }, 90_000)

  afterAll(() => scene?.close())

  /** All accept a little, so that there is a fast lane, too. */
  const config = (start: boolean): Omit<NodeConfig, 'url'> => ({
    options: OPTIONS,
    start,
    load: { type: 'order.paid', everyMs: start ? 40 : 20, perKey: 3 },
  })

  /** The nodes of this version end one after the other, and those of the next deliver what is left. */
  async function rollOut(): Promise<void> {
    for (const node of old) {
      await node.ask({ do: 'rest' }, 'poured')
      await node.ask({ do: 'stop' }, 'stopped')
    }
    await Promise.all(next.map((node) => node.ask({ do: 'rest' }, 'poured')))
    await scene.atRest(20_000)
    await Promise.all([...next, late].map((node) => node.ask({ do: 'stop' }, 'stopped')))
  }

  function count(nodes: Program[], is: 'delivered' | 'accepted'): number {
    return nodes.reduce((sum, node) => sum + node.all(is).length, 0)
  }

  async function delivered(nodes: Program[], more: number): Promise<void> {
    const goal = count(nodes, 'delivered') + more
    await vi
      .waitUntil(() => count(nodes, 'delivered') >= goal, { timeout: 30_000, interval: 20 })
      .catch((cause) => {
        const errors = nodes.flatMap((node) => [...node.all('error'), ...node.all('refused')]).slice(-3)
        const got = count(nodes, 'delivered')
        throw new Error(`${got} of ${goal} were delivered; the last errors: ${JSON.stringify(errors)}`, { cause })
      })
  }

  async function storedVersion(): Promise<number> {
    const [row] = await scene.server.query<{ value: string }>(`SELECT value FROM hookferry_meta WHERE name = 'version'`)
    return Number(row?.value)
  }

  async function columnsOfDelivery(): Promise<string[]> {
    const found = await scene.server.query<{ name: string }>(
      `SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'hookferry_delivery'`,
    )
    return found.map(({ name }) => name)
  }

  it('migrates the schema once, while others work on it', () => {
    expect(versions.after).toBe(versions.before + 1)
    expect(columns.filter((name) => name === 'note')).toHaveLength(1)
  })

  it('lets the old ones accept, claim and settle as before, without an error', () => {
    expect(byOldAfterwards).toBeGreaterThanOrEqual(DELIVERIES_PER_PHASE)
    const nodes = [...old, ...next]
    expect(nodes.flatMap((node) => [...node.all('error'), ...node.all('refused')])).toEqual([])
    expect(nodes.flatMap((node) => node.all('settled')).filter(({ status }) => status !== 'applied')).toEqual([])
  })

  it('loses nothing, and sends nothing twice', () => {
    const accepted = new Set([...old, ...next].flatMap((node) => node.all('accepted')).map(({ id }) => id))
    expect(new Set(rows.map(({ eventId }) => eventId))).toEqual(accepted)
    expect(endsOf(rows)).toEqual({ 'delivered: delivered': accepted.size * ENDPOINTS })
    expect(withGaps(rows)).toEqual([])
    expect(arrivals).toHaveLength(rows.length)
    expect(new Set(arrivals.map(({ id, path }) => `${id} ${path}`)).size).toBe(rows.length)
  })

  it('delivers by both', () => {
    expect(new Set(arrivals.map(({ agent }) => agent))).toEqual(new Set([VERSION, NEXT_VERSION].map(agentOf)))
  })

  it('refuses a node of this version that starts afterwards, and says what to do', () => {
    const [{ code, message } = { code: '', message: '' }] = late.all('refused')
    expect(code).toBe('storage_version')
    expect(message).toContain(`version ${versions.after}`)
    expect(message).toContain('Upgrade hookferry')
    expect(late.all('up')).toEqual([])
    expect(late.all('request')).toEqual([])
  })

  it('tells its figures', () => {
    const by = (version: string) => arrivals.filter(({ agent }) => agent === agentOf(version)).length
    console.info('postgres versions:', {
      schema: versions,
      migratedWithinMs: Math.round(migrationMs),
      acknowledged: count([...old, ...next], 'accepted'),
      deliveries: rows.length,
      byVersion: { [VERSION]: by(VERSION), [NEXT_VERSION]: by(NEXT_VERSION) },
      byOldAfterwards,
      ends: endsOf(rows),
    })
  })
})
