import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createWebhookSender } from 'hookferry'
import { sqlite } from 'hookferry/sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { LaneGrant, Storage } from '../../src/ports/storage.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { fakeResolver } from '../../src/testing/fake-resolver.ts'
import { scriptedTransport } from '../../src/testing/scripted-transport.ts'

/** A million held deliveries cost the others nothing: a claim takes as long as beside a thousand, and nothing spins. */
const HELD = 1_000_000
const PAUSED = 1_000
const OTHERS = 10
const CLAIM = 100
const ROUNDS = 20

const folder = mkdtempSync(join(tmpdir(), 'hookferry-held-'))
const path = join(folder, 'webhooks.db')
/** The same, with a thousand held. */
const controlPath = join(folder, 'control.db')
const others: string[] = []

function sender(storage: Storage) {
  const transport = scriptedTransport(systemClock())
  return createWebhookSender({ storage, transport, runtime: { resolve: fakeResolver() } })
}

beforeAll(async () => {
  const accepting = sender(sqlite({ path }))
  for (let index = 0; index < PAUSED; index++) {
    const { id } = await accepting.endpoints.create({ url: 'https://example.com/', eventTypes: ['held'] })
    await accepting.endpoints.pause(id)
  }
  for (let index = 0; index < OTHERS; index++) {
    others.push((await accepting.endpoints.create({ url: 'https://example.com/', eventTypes: ['due'] })).id)
  }
  await accepting.send({ type: 'held', data: 1 })
  // So many endpoints are fanned out in the background, here by a drain.
  await accepting.drain()
  await Promise.all(Array.from({ length: (CLAIM * ROUNDS) / OTHERS }, () => accepting.send({ type: 'due', data: 1 })))
  await accepting.stop()
  copyFileSync(path, controlPath)
  multiplyHeld()
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The one held event again and again, for the same paused endpoints: a thousand deliveries each time. */
function multiplyHeld(): void {
  const db = new Database(path)
  db.pragma('synchronous = OFF')
  const count = HELD / PAUSED
  const columns = (table: string) =>
    (db.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name).filter((name) => name !== 'key')
  const copy = (table: string, over: Record<string, string>, where: string) => {
    const names = columns(table)
    const values = names.map((name) => over[name] ?? `t.${name}`)
    db.exec(
      `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM ${table} AS t, copies WHERE ${where}`,
    )
  }
  db.exec(
    `CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) SELECT i FROM n`,
  )
  copy('hookferry_event', { id: `'evt_copy_' || copies.i` }, `t.type = 'held'`)
  db.exec(`CREATE TEMP TABLE made AS SELECT key FROM hookferry_event WHERE id LIKE 'evt_copy_%'`)
  const names = columns('hookferry_delivery')
  const values = names.map((name) => (name === 'event_key' ? 'made.key' : `t.${name}`))
  db.exec(`INSERT INTO hookferry_delivery (${names.join(', ')}) SELECT ${values.join(', ')}
    FROM made CROSS JOIN hookferry_delivery AS t JOIN hookferry_event AS e ON e.key = t.event_key AND e.type = 'held' AND e.id NOT LIKE 'evt_copy_%'`)
  db.close()
}

it('a claim of 100 beside a million held deliveries takes as long as beside a thousand', async () => {
  const storages = [sqlite({ path }), sqlite({ path: controlPath })] as const
  try {
    for (const storage of storages) await storage.open({ now: Date.now() })
    const held = await Promise.all(storages.map((storage) => storage.stats({ now: Date.now(), countMax: 2 * HELD })))
    expect(held.map((stats) => stats.held)).toEqual([HELD + PAUSED, PAUSED])
    const times: [number[], number[]] = [[], []]
    // By turns, so that what the machine's neighbours add falls on both.
    for (let round = 0; round < ROUNDS; round++) {
      for (const [n, storage] of storages.entries()) times[n]?.push(await timeOfClaim(storage))
    }
    const [besideMillion, besideThousand] = times.map((all) => all.sort((a, b) => a - b)[ROUNDS / 4] ?? Number.NaN)
    console.info('claim of 100, quartile in ms', { besideMillion, besideThousand })
    // Were they read, they would make it some hundred times as long.
    expect(besideMillion! / besideThousand!).toBeLessThan(5)
  } finally {
    for (const storage of storages) await storage.close()
  }
})

async function timeOfClaim(storage: Storage): Promise<number> {
  const now = Date.now()
  const began = performance.now()
  const lanes = await storage.dueLanes({ now, limit: 256, exclude: [] })
  const room: LaneGrant[] = lanes.map(({ endpointId }) => ({
    endpointId,
    limit: CLAIM / OTHERS,
    leaseUntil: now + 600_000,
  }))
  const claimed = await storage.claimDue({ now, worker: 'wrk_test', room, defer: [] })
  const took = performance.now() - began
  expect(claimed).toHaveLength(CLAIM)
  return took
}

it('a started sender does not spin over them', async () => {
  let calls = 0
  const counted = new Proxy(sqlite({ path }), {
    get(target, name) {
      const value = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls += 1
        return value.apply(target, args)
      }
    },
  })
  const started = sender(counted)
  try {
    await started.start()
    await new Promise((resolve) => setTimeout(resolve, 500))
    const before = calls
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    // Two polls of about eight calls each; a spin would make thousands.
    expect(calls - before).toBeLessThan(60)
  } finally {
    await started.stop({ graceMs: 0 })
  }
})
