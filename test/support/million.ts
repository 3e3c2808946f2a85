import type { Selection } from '../../src/model/replay.ts'
import type { DueLanesInput, PageInput, Position, Storage } from '../../src/ports/storage.ts'
import { addEndpoint, delivered, NOW, newEvent, WORKER } from '../../src/testing/storage-suite/fixtures.ts'

/**
 * A million deliveries beside which the plan of each statement is asserted. The endpoints that `useEverything` works with have
 * large parts of them, so that a statement that read all of an endpoint, a tenant, a state or an event type would be seen.
 */

const DELIVERIES = 1_000_000
const EVENTS = 250_000
/** Their keys are far above those that the calls make. */
const BASE = 10_000_000
const MIDDLE: Position = { at: NOW + EVENTS / 2, key: BASE }

/** Rows to be made by `INSERT … SELECT`, `n` from 1 to `count`. Columns that are not named are those of the first row. */
export interface Rows {
  table: string
  count: number
  /** SQL that both databases take. A column that a table does not have is left out. */
  columns: Record<string, string>
}

/** One row of each table, to be the pattern of the others, and the endpoints that get a part of them. */
export async function addPatterns(storage: Storage): Promise<void> {
  await addEndpoint(storage, 'ep_pattern', 'pattern')
  const choices = { tenant: 'pattern', to: ['ep_pattern'], key: 'key', idGiven: true }
  const events = [
    await newEvent(storage, { ...choices, id: 'evt_pattern' }),
    await newEvent(storage, { ...choices, id: 'evt_pattern_2', key: 'key_2' }),
  ]
  await storage.insertEvents({ now: NOW, worker: WORKER, events })
  const room = [{ endpointId: 'ep_pattern', limit: 1, leaseUntil: NOW + 1 }]
  const [claimed] = await storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] })
  if (claimed === undefined) throw new Error('nothing was claimed')
  await storage.settle({ now: NOW, settlements: [delivered(claimed.lease)] })
  const selection = { tenant: 'pattern', states: ['canceled' as const] }
  await storage.createReplay({ id: 'rpl_pattern', kind: 'replay', selection, perSecond: null, total: 0, now: NOW })
  await addEndpoint(storage, 'ep_1', 'acme')
  await addEndpoint(storage, 'ep_2', 'other')
}

interface Keys {
  acme: number
  other: number
  ep1: number
}

/** `states`: how many states a delivery may have in this storage. */
export function millionRows({ acme, other, ep1 }: Keys, states: number): Rows[] {
  const ownTenant = `CASE WHEN n % 10 = 0 THEN ${acme} ELSE 10000 + n END`
  const isHeld = 'n % 50 = 1'
  const isOld = (e: string) => `${e} <= ${EVENTS / 2}`
  // Of the event with this number. One tenant and its endpoint had much to do once: whoever looked for what is theirs along
  // the newest of all would read half a million rows first.
  const ofEvent = (e: string) => ({
    tenant_key: `CASE WHEN ${isOld(e)} THEN ${acme} ELSE ${other} END`,
    tenant: `CASE WHEN ${isOld(e)} THEN 'acme' ELSE 'other' END`,
    created_at: `${NOW} + ${e}`,
  })
  const event = '1 + (n - 1) / 4'
  const state = `(${event}) % ${states}`
  return [
    {
      table: 'tenant',
      count: 1_000,
      columns: { key: '10000 + n', name: `'fill ' || n`, ready_at: `${NOW} - n`, claimed_at: '0', claimed_turn: 'n' },
    },
    {
      table: 'line',
      count: 1_000,
      columns: { tenant_key: '10000 + n', ready_at: `${NOW} - n`, claimed_at: '0', claimed_turn: 'n' },
    },
    {
      table: 'endpoint',
      count: 1_000,
      columns: {
        key: '10000 + n',
        id: `'ep_fill_' || n`,
        tenant_key: ownTenant,
        version: 'n',
        created_at: `${NOW} + n`,
        deleted_at: 'NULL',
      },
    },
    {
      table: 'lane',
      count: 1_000,
      columns: {
        endpoint_key: '10000 + n',
        tenant_key: ownTenant,
        ready_at: `CASE WHEN ${isHeld} THEN NULL ELSE ${NOW} - n END`,
        hold_at: `CASE WHEN ${isHeld} THEN ${NOW} - n END`,
        held_since: `CASE WHEN ${isHeld} THEN ${NOW} - n END`,
        state: `CASE WHEN ${isHeld} THEN 'paused' ELSE 'active' END`,
        claimed_at: '0',
        claimed_turn: 'n',
      },
    },
    {
      table: 'idempotency',
      count: 100_000,
      columns: { tenant_key: `${acme}`, tenant: `'acme'`, key: `'key ' || n`, expires_at: `${NOW} + n` },
    },
    {
      table: 'replay',
      count: 1_000,
      columns: {
        key: '10000 + n',
        id: `'rpl_fill_' || n`,
        tenant: `CASE WHEN n <= 500 THEN 'acme' ELSE 'other' END`,
        state: `CASE WHEN n % 100 = 0 THEN 'running' ELSE 'completed' END`,
        ended_at: `CASE WHEN n % 100 = 0 THEN NULL ELSE ${NOW} + n END`,
        created_at: `${NOW} + n`,
      },
    },
    {
      table: 'event',
      count: EVENTS,
      columns: {
        ...ofEvent('n'),
        key: `${BASE} + n`,
        id: `'evt_fill_' || n`,
        type: `CASE WHEN n % 4 = 0 THEN 'invoice.paid' ELSE 'order.placed' END`,
        fan_cursor: `CASE WHEN n % 1000 = 0 THEN '' END`,
        bare: 'n % 1000 = 1',
      },
    },
    {
      table: 'delivery',
      count: DELIVERIES,
      columns: {
        ...ofEvent(event),
        key: `${BASE} + n`,
        event_key: `${BASE} + ${event}`,
        // Of the four of each event: endpoints of which some have very many, and many have few.
        endpoint_key: `CASE n % 4 WHEN 0 THEN CASE WHEN ${isOld(event)} THEN ${ep1} ELSE 10920 + (${event}) % 80 END
          WHEN 1 THEN 10001 WHEN 2 THEN 10010 ELSE 10020 + (${event}) % 900 END`,
        claim: '1',
        due_at: `${NOW} - ${EVENTS} + 2 * (${event})`,
        state,
        ended_at: `CASE WHEN ${state} IN (2, 3, 4) THEN ${NOW} + ${event} END`,
        leased_at: `CASE WHEN ${state} = 1 THEN ${NOW} END`,
        lease_until: `CASE WHEN ${state} = 1 THEN ${NOW} - ${EVENTS} + 2 * (${event}) END`,
        worker: `CASE WHEN ${state} = 1 THEN '${WORKER}' END`,
        replay_key: `CASE WHEN n % 10 = 0 THEN 10000 + n % 1000 END`,
        ordering_key: `CASE WHEN ${state} > 4 THEN 'key ' || n % 1000 END`,
      },
    },
    {
      table: 'attempt',
      count: EVENTS,
      columns: { key: `${BASE} + n`, delivery_key: `${BASE} + 4 * n`, number: '1', started_at: `${NOW} + n` },
    },
  ]
}

/** Of the endpoint and the tenant that the calls work with: they have a backlog, and stand in line. */
export const BACKLOGS: readonly { table: string; set: string; where: string }[] = [
  { table: 'lane', set: `ready_at = ${NOW} - ${EVENTS}`, where: 'endpoint_key = {ep1}' },
  { table: 'tenant', set: `ready_at = ${NOW} - ${EVENTS}`, where: 'key = {acme}' },
  { table: 'line', set: `ready_at = ${NOW} - ${EVENTS}`, where: 'tenant_key = {acme}' },
]

/** Every combination of filters that the API takes; a type that nothing matches is the dearest. */
function everySelection(): Selection[] {
  const choices: Selection[][] = [
    [{}, { tenant: 'acme' }],
    [{}, { endpointId: 'ep_1' }],
    [{}, { eventId: 'evt_fill_4' }],
    [{}, { type: 'never.sent' }],
    [{}, { states: ['failed'] }, { states: ['failed', 'canceled'] }],
    [{}, { since: NOW + EVENTS / 4 }],
    [{}, { until: NOW + (EVENTS * 3) / 4 }],
    [{}, { ids: ['dlv_00000000001', 'dlv_00000000002'] }],
  ]
  return choices.reduce<Selection[]>((all, of) => all.flatMap((one) => of.map((more) => ({ ...one, ...more }))), [{}])
}

/** Of an endpoint that has all events of its tenant, and of one that has none. */
function missable(): Selection[] {
  return everySelection().flatMap(({ states, ids, tenant, endpointId, ...selection }) => {
    if (states !== undefined || ids !== undefined || tenant !== undefined || endpointId !== undefined) return []
    return ['ep_1', 'ep_2'].map((id) => ({ ...selection, endpointId: id }))
  })
}

/** Rows that a page looks at beyond `examine`: it reads in chunks of at most so many. */
const CHUNK = 1_000
const PAGE: Omit<PageInput, 'after'> = { limit: 50, examine: 2_000 }

/** A call, and how many rows of one table each of its ways may read. */
export interface BoundedCall {
  name: string
  rowsMax: number
  call(storage: Storage): Promise<unknown>
}

/** All lists from the first page and from the middle, and the two calls that look for work. */
export function boundedCalls(): BoundedCall[] {
  const calls: BoundedCall[] = []
  const list = (name: string, query: object, call: BoundedCall['call']) => {
    calls.push({ name: `${name} ${JSON.stringify(query)}`, rowsMax: PAGE.examine + CHUNK, call })
  }
  for (const after of [null, MIDDLE]) {
    const page = { ...PAGE, after }
    for (const selection of everySelection()) {
      list('listDeliveries', { selection, after }, (storage) => storage.listDeliveries({ selection, ...page }))
    }
    for (const selection of everySelection().filter((one) => one.since === undefined && one.until === undefined)) {
      list('countAtRest', { selection, after }, (storage) => storage.countAtRest({ selection, ...page }))
    }
    for (const tenant of [null, 'acme']) {
      for (const type of [null, 'never.sent']) {
        for (const since of [null, NOW + EVENTS / 4]) {
          for (const until of [null, NOW + (EVENTS * 3) / 4]) {
            const query = { tenant, type, since, until }
            list('listEvents', { ...query, after }, (storage) => storage.listEvents({ ...query, ...page }))
          }
        }
      }
      for (const states of [null, ['active' as const], ['disabled' as const]]) {
        list('listEndpoints', { tenant, states, after }, (storage) =>
          storage.listEndpoints({ changedSince: null, tenant, states, ...page }),
        )
      }
    }
    for (const selection of missable()) {
      const query = { selection, after, bound: { at: NOW + (EVENTS * 7) / 8, key: BASE + EVENTS } }
      list('missedEvents', query, (storage) => storage.missedEvents({ ...query, ...PAGE }))
    }
    for (const tenant of [null, 'acme']) {
      for (const states of [null, ['canceled' as const]]) {
        list('listReplays', { tenant, states, after }, (storage) => storage.listReplays({ tenant, states, ...page }))
      }
    }
    list('listAttempts', { after }, (storage) => storage.listAttempts({ deliveryId: 'dlv_00000000001', ...page }))
  }
  return [...calls, ...workCalls()]
}

function workCalls(): BoundedCall[] {
  const exclude = Array.from({ length: 50 }, (_, n) => `ep_fill_${n}`)
  const due: DueLanesInput = { now: NOW, limit: 100, exclude }
  const room = ['ep_1', 'ep_fill_10', 'ep_fill_1', ...exclude].map((endpointId) => ({
    endpointId,
    limit: 10,
    leaseUntil: NOW + 1,
  }))
  return [
    // Each tenant in line is looked at once, a lane that is not wanted is stepped over.
    { name: 'dueLanes', rowsMax: 3 * (due.limit + exclude.length), call: (storage) => storage.dueLanes(due) },
    {
      name: 'claimDue',
      // Found, moved on, and the next of each lane.
      rowsMax: 3 * room.reduce((sum, { limit }) => sum + limit, 0),
      call: (storage) => storage.claimDue({ now: NOW, worker: WORKER, room, defer: [] }),
    },
    { name: 'nextDueAt', rowsMax: 1, call: (storage) => storage.nextDueAt() },
    { name: 'expiredLeases', rowsMax: 100, call: (storage) => storage.expiredLeases({ now: NOW, limit: 100 }) },
    // It looks beyond the oldest, for other ordering keys than theirs.
    { name: 'pendingFanOuts', rowsMax: 1_000, call: (storage) => storage.pendingFanOuts({ limit: 100 }) },
    { name: 'runningReplays', rowsMax: 100, call: (storage) => storage.runningReplays({ limit: 100 }) },
    { name: 'stats', rowsMax: 4_000, call: (storage) => storage.stats({ now: NOW, countMax: 1_000 }) },
  ]
}
