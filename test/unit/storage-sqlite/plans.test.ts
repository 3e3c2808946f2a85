/** No statement of the storage may depend on how many rows there are: each is served by an index. */
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Selection } from '../../../src/model/replay.ts'
import type { NewEvent, Storage } from '../../../src/ports/storage.ts'
import type { SqliteStorage } from '../../../src/storage/sqlite/index.ts'
import { Statements } from '../../../src/storage/sqlite/statements.ts'
import {
  addEndpoint,
  freshPath,
  NOW,
  newEvent,
  openRaw,
  openStorage,
  pendingFor,
  settlementOf,
  WORKER,
} from './fixtures.ts'

/** Reads in the order of an index, and stops at its LIMIT or at the first row. */
const BOUNDED_SCANS = [
  /SCAN hookferry_tenant USING (COVERING )?INDEX hookferry_tenant_ready/,
  /SCAN (hookferry_delivery|e) USING (COVERING )?INDEX hookferry_(delivery_pending|delivery_waiting|delivery_leased|event_fan_out)/,
  /SCAN hookferry_(lane|replay) USING (COVERING )?INDEX hookferry_(lane_ready|lane_hold|replay_running)/,
  // What an earlier step found, or a row spelled out.
  /SCAN CONSTANT ROW/,
  /SCAN (json_each|l|w|\(subquery-\d+\)|pragma_\w+)( VIRTUAL TABLE INDEX \d+:\d*)?$/,
]

const SELECTIONS: Selection[] = [
  {},
  { type: 'invoice.paid' },
  { tenant: 'acme' },
  { tenant: 'acme', states: ['failed'] },
  { endpointId: 'ep_1' },
  { tenant: 'acme', endpointId: 'ep_1', states: ['failed'] },
  { endpointId: 'ep_1', since: 1, until: 2 },
  { eventId: 'evt_1', endpointId: 'ep_1' },
  { ids: ['dlv_00000000001'] },
]

const statements = new Set<string>()

beforeAll(() => {
  for (const method of ['run', 'get', 'all', 'iterate'] as const) {
    const original = Statements.prototype[method] as (sql: string, ...values: unknown[]) => unknown
    vi.spyOn(Statements.prototype, method).mockImplementation(function (this: Statements, sql, ...values) {
      statements.add(sql)
      return original.call(this, sql, ...values) as never
    })
  }
})

afterAll(() => vi.restoreAllMocks())

test('every statement is served by an index', async () => {
  const path = freshPath()
  const storage = await openStorage(path)
  await useEverything(storage)
  useHostHandle(storage, path)
  const db = openRaw(path)
  const seen = [...statements].filter((sql) => /^\s*(SELECT|UPDATE|DELETE|INSERT)/.test(sql))
  expect(seen.length).toBeGreaterThan(75)

  const slow = seen.flatMap((sql) => {
    const steps = db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...nullsFor(sql)).map(({ detail }) => detail)
    return steps.filter((step) => isSlow(step, sql)).map((step) => `${step}: ${sql}`)
  })
  expect(slow).toEqual([])
})

function nullsFor(sql: string): (null | Record<string, null>)[] {
  const named = Object.fromEntries([...sql.matchAll(/@(\w+)/g)].map(([, name]) => [name, null]))
  const positional = [...sql.matchAll(/\?/g)].map(() => null)
  return Object.keys(named).length === 0 ? positional : [...positional, named]
}

function isSlow(step: string, sql: string): boolean {
  if (step.startsWith('SCAN')) return !BOUNDED_SCANS.some((pattern) => pattern.test(step))
  // As many rows as there are ids are sorted.
  return step.includes('TEMP B-TREE FOR ORDER BY') && !sql.includes('json_each(@ids)')
}

/** What only ordering keys bring about. */
async function useTurns(storage: Storage): Promise<void> {
  const ordered = (id: string, over: Partial<NewEvent> = {}): NewEvent => {
    const made = newEvent(id, { ...pendingFor('ep_1'), ...over })
    return { ...made, event: { ...made.event, orderingKey: 'order_1' } }
  }
  const background = ordered('evt_o2', { fanOut: 'background', deliveries: [] })
  const events = [ordered('evt_o1'), background, ordered('evt_o3')]
  await storage.insertEvents({ now: NOW, worker: WORKER, events })
  await storage.insertSlice({ now: NOW, eventId: 'evt_o2', from: '', to: null, ...pendingFor('ep_1') })
  const room = [{ endpointId: 'ep_1', limit: 5, leaseUntil: NOW + 1 }]
  const [head] = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  const settlement = settlementOf(head!, { state: 'delivered', reason: null, endedAt: NOW })
  await storage.settle({ now: NOW, settlements: [settlement] })
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [ordered('evt_o4')] })
  await storage.stats({ now: NOW, countMax: 5 })
}

/** Events that an endpoint never had, and some that are canceled: a head with another behind it, and one that is in flight. */
async function useBackfillAndCancel(storage: Storage): Promise<void> {
  await addEndpoint(storage, 'ep_late', 'late')
  const late = (id: string, over: Partial<NewEvent> = {}): NewEvent => {
    const made = newEvent(id, over)
    return { ...made, event: { ...made.event, tenant: 'late', orderingKey: 'order_1' } }
  }
  const leased = { deliveries: [{ endpointId: 'ep_late', dueAt: NOW, leaseUntil: NOW + 1 }] }
  const background = late('evt_l5', { fanOut: 'background' })
  const events = [
    late('evt_l1'),
    late('evt_l2', leased),
    late('evt_l3', pendingFor('ep_late')),
    late('evt_l4'),
    background,
  ]
  await storage.insertEvents({ now: NOW, worker: WORKER, events })
  await storage.deliveriesOf({ eventId: 'evt_l2', endpointIds: ['ep_late', 'ep_1'] })
  for (const id of ['evt_l2', 'evt_l5']) await storage.cancelEvent({ id, tenant: 'late', now: NOW, limit: 5 })
  const [expired] = await storage.expiredLeases({ now: NOW + 1, limit: 1 })
  await storage.releaseLeases({ now: NOW, worker: WORKER, leases: [expired!] })
  await storage.cancelEvent({ id: 'evt_l3', tenant: null, now: NOW, limit: 5 })
  await storage.eventProgress({ id: 'evt_l3', tenant: 'late' })

  const selection = { tenant: 'late', endpointId: 'ep_late' }
  const backfill = { id: 'rpl_late', kind: 'backfill' as const, selection, perSecond: null, total: 2, now: NOW }
  const { cursor: after, bound } = await storage.createReplay(backfill)
  for (const over of [{}, { eventId: 'evt_l1' }]) {
    const found = await storage.missedEvents({
      selection: { ...selection, ...over },
      after,
      bound,
      limit: 1,
      examine: 9,
    })
    expect(found.events).toMatchObject([{ id: 'evt_l1' }])
  }
  const step = { replayId: 'rpl_late', now: NOW, from: after, to: null, eventIds: ['evt_l1', 'evt_l4'] }
  expect(await storage.insertBackfill(step)).toMatchObject({ requeued: 2, state: 'completed' })
}

/** The same statements, most of them, by a handle of the host's. */
function useHostHandle(storage: SqliteStorage, path: string): void {
  const host = new Database(path)
  const { event, hash } = newEvent('evt_host')
  const item = {
    event: { ...event, tenant: 'new' },
    idGiven: true,
    hash,
    idempotencyExpiresAt: null,
    endpointIds: null,
  }
  host.exec('BEGIN IMMEDIATE')
  expect(storage.insertEventIn(host, { now: NOW, event: item })).toEqual({ status: 'inserted' })
  host.exec('COMMIT')
  host.close()
}

async function useEverything(storage: Storage): Promise<void> {
  const page = { limit: 2, examine: 9, after: null }
  await addEndpoint(storage, 'ep_1')
  await addEndpoint(storage, 'ep_2', 'other')
  await useTurns(storage)
  await useBackfillAndCancel(storage)
  const given = { ...newEvent('evt_1', pendingFor('ep_1')), idGiven: true, idempotencyExpiresAt: NOW + 1 }
  given.event = { ...given.event, idempotencyKey: 'key' }
  const background = newEvent('evt_2', { fanOut: 'background' })
  const events = [given, given, background, background, newEvent('evt_3', pendingFor('ep_1'))]
  await storage.insertEvents({ now: NOW, worker: WORKER, events })
  await storage.insertEvents({ now: NOW, worker: WORKER, events: [newEvent('evt_4', { endpointsVersion: 0 })] })
  await storage.pendingFanOuts({ limit: 5 })
  await storage.insertSlice({ now: NOW, eventId: 'evt_2', from: '', to: null, ...pendingFor('ep_1') })

  await storage.dueLanes({ now: NOW, limit: 5, exclude: ['ep_2'] })
  const room = [{ endpointId: 'ep_1', limit: 5, leaseUntil: NOW + 1 }]
  const defer = [{ endpointId: 'ep_1', until: NOW + 9 }]
  const [first, second, third] = await storage.claimDue({ now: NOW, worker: WORKER, room, defer })
  await storage.releaseLeases({ now: NOW, worker: WORKER, leases: [third!.lease] })
  await storage.expiredLeases({ now: NOW + 2, limit: 5 })
  await storage.nextDueAt()
  const delivered = settlementOf(first!, { state: 'delivered', reason: null, endedAt: NOW })
  const later = settlementOf(second!, { state: 'pending', dueAt: NOW, step: 1, lost: 0 })
  for (let round = 0; round < 2; round++) await storage.settle({ now: NOW, settlements: [delivered, later] })

  for (const selection of SELECTIONS) {
    await storage.listDeliveries({ selection, ...page })
    await storage.countAtRest({ selection, ...page })
    await storage.createReplay({
      id: JSON.stringify(selection),
      kind: 'replay',
      selection,
      perSecond: null,
      total: 1,
      now: NOW,
    })
    await storage.stepReplay({ replayId: JSON.stringify(selection), now: NOW, limit: 2, examine: 2 })
  }
  await storage.cancelReplay({ id: '{}', now: NOW })
  await storage.runningReplays({ limit: 2 })
  for (const tenant of [null, 'acme']) await storage.listReplays({ tenant, states: ['running'], ...page })
  await storage.replayProgress('{}')

  await storage.updateEndpoint({ id: 'ep_1', tenant: 'acme', settings: { description: 'x' }, now: NOW })
  await storage.markWarned({ id: 'ep_1', failingSince: NOW })
  const change = { id: 'ep_1', tenant: null, reason: null, guard: null, now: NOW }
  await storage.changeEndpointState({ ...change, from: ['active'], to: 'disabled' })
  await storage.cancelHeld({ now: NOW + 9, heldBefore: NOW + 9, limit: 1 })
  await storage.changeEndpointState({ ...change, from: ['disabled'], to: 'active' })
  await storage.endpointChanges({ tenant: 'acme', since: 0 })
  await storage.deleteEndpoint({ id: 'ep_1', tenant: null, now: NOW })
  for (const tenant of [null, 'acme']) {
    await storage.listEndpoints({ tenant, states: ['active'], changedSince: null, ...page })
    await storage.listEvents({ tenant, type: null, since: null, until: null, ...page })
    await storage.getEvent({ id: 'evt_1', tenant })
    await storage.getDelivery({ id: 'dlv_00000000001', tenant })
  }
  await storage.listAttempts({ deliveryId: 'dlv_00000000001', ...page })
  await storage.stats({ now: NOW, countMax: 5 })
  await storage.prune({ now: NOW + 99, deliveredBefore: NOW + 99, failedBefore: NOW + 99, limit: 50 })
}
