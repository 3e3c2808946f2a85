import { key } from './keys.ts'
import type {
  AttemptRow,
  DeliveryRow,
  EndpointRow,
  EventRow,
  IdempotencyRow,
  LaneRow,
  ReplayRow,
  TenantRow,
} from './rows.ts'
import type { Reader, Writer } from './store/store.ts'
import { Table } from './table.ts'

/** Each table with the indexes by which its rows are found. Nothing else in this folder writes an index. */

export const tenants = new Table<TenantRow>('tenant', {
  keyOf: ({ name }) => name,
  indexesOf: ({ name, readyAt, claimedTurn }) => (readyAt === null ? [] : [key('line', readyAt, claimedTurn, name)]),
})

export const endpoints = new Table<EndpointRow>('endpoint', {
  keyOf: ({ record }) => record.id,
  indexesOf: ({ key: number, version, deleted, record: { tenant, createdAt } }) => {
    const listed = [key('endpoints', createdAt, number), key('endpoints-of', tenant, createdAt, number)]
    return [key('changed', tenant, version), ...(deleted ? [] : listed)]
  },
})

export const lanes = new Table<LaneRow>('lane', {
  keyOf: ({ endpointId }) => endpointId,
  indexesOf: ({ endpointId, tenant, readyAt, claimedTurn, holdAt, queued }) => [
    ...(readyAt === null ? [] : [key('ready', tenant, readyAt, claimedTurn, endpointId)]),
    ...(holdAt === null ? [] : [key('held', holdAt, endpointId)]),
    ...(queued ? [key('queued', endpointId)] : []),
  ],
})

export const events = new Table<EventRow>('event', {
  keyOf: ({ record }) => record.id,
  indexesOf: ({ key: number, record: { tenant, createdAt, orderingKey }, fanOutCursor, fanOutWaits, deliveries }) => {
    const listed = [key('events', createdAt, number), key('events-of', tenant, createdAt, number)]
    if (fanOutCursor === null) return deliveries === 0 ? [...listed, key('bare', createdAt, number)] : listed
    if (!fanOutWaits) listed.push(key('fan-out', number))
    if (orderingKey !== null) listed.push(key('fan-out-turn', tenant, orderingKey, number))
    return listed
  },
})

export const deliveries = new Table<DeliveryRow>('delivery', {
  keyOf: (row) => row.key,
  indexesOf: (row) => {
    const place = [row.createdAt, row.key]
    return [
      key('deliveries', ...place),
      key('deliveries-of', row.tenant, ...place),
      key('deliveries-at', row.endpointId, ...place),
      key('deliveries-for', row.eventId, ...place),
      key('once', row.eventId, row.endpointId),
      ...indexesByState(row),
    ]
  },
})

function indexesByState(row: DeliveryRow): string[] {
  const found: string[] = []
  if (row.replayId !== null) found.push(key('replayed', row.replayId, row.state, row.key))
  if (row.endedAt !== null) {
    return [...found, key('ended', row.state === 'delivered' ? 'delivered' : 'failed', row.endedAt, row.key)]
  }
  if (row.orderingKey !== null) found.push(key('turn', row.endpointId, row.orderingKey, row.key))
  if (row.lease !== null) return [...found, key('leased', row.lease.until, row.key)]
  return [...found, key(row.waits ? 'waiting' : 'pending', row.endpointId, row.dueAt, row.key)]
}

export const attempts = new Table<AttemptRow>('attempt', {
  keyOf: ({ deliveryKey, record }) => key(deliveryKey, record.number),
  indexesOf: ({ deliveryKey, record }) => [key('attempts', deliveryKey, record.number)],
})

export const idempotency = new Table<IdempotencyRow>('idempotency', {
  keyOf: ({ tenant, idempotencyKey }) => key(tenant, idempotencyKey),
  indexesOf: ({ tenant, idempotencyKey, expiresAt }) => [key('forgotten', expiresAt, tenant, idempotencyKey)],
})

export const replays = new Table<ReplayRow>('replay', {
  keyOf: ({ record }) => record.id,
  indexesOf: ({ key: number, record: { tenant, createdAt, endedAt } }) => [
    endedAt === null ? key('running', number) : key('replay-ended', endedAt, number),
    key('replays', createdAt, number),
    ...(tenant === null ? [] : [key('replays-of', tenant, createdAt, number)]),
  ],
})

/** The bytes of events, in base64. */
export const bodyKey = (eventId: string): string => key('body', eventId)

/** Integer keys of rows. They grow, and none is used twice. */
export const lastKey = (db: Reader): number => counter(db, 'last-key')
export const nextKey = (db: Writer): number => increment(db, 'last-key')
/** Numbers the claims. */
export const nextTurn = (db: Writer): number => increment(db, 'last-turn')

function counter(db: Reader, name: string): number {
  return Number(db.get(key('meta', name)) ?? 0)
}

function increment(db: Writer, name: string): number {
  const next = counter(db, name) + 1
  db.set(key('meta', name), String(next))
  return next
}
