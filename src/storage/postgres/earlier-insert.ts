import type { Lease } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { InsertResult, NewEvent } from '../../ports/storage.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'

export interface Item extends NewEvent {
  /** The tenant's endpoint-set version now. */
  version: number
}

/** What becomes of one event of a batch. */
export type Fate =
  | { kind: 'insert' | 'repeat' | 'endpoints_changed' | 'fan_out_waits' }
  | { kind: 'duplicate' | 'conflict'; eventId: string }

/** What was inserted before, by others and by those of the batch that come first. */
interface Known {
  keys: Map<string, { eventId: string; hash: string }>
  events: Map<string, { hash: string | null; tenant: string }>
  /** Tenants with ordering keys of which an event is not fanned out yet. */
  fanOuts: Set<string>
}

const KEYS = batchOf<Item>({
  tenant: ['text', ({ event }) => event.tenant],
  key: ['text', ({ event }) => event.idempotencyKey],
})

const ORDERED = batchOf<Item>({
  tenant: ['text', ({ event }) => event.tenant],
  ordering_key: ['text', ({ event }) => event.orderingKey],
})

export async function judge(db: Connection, items: Item[], now: number): Promise<Fate[]> {
  const known: Known = {
    keys: await keysInForce(db, items, now),
    events: await eventsOf(db, items),
    fanOuts: await fanOutsBefore(db, items),
  }
  return items.map((item) => {
    const fate = fateOf(item, known)
    if (fate.kind === 'insert') {
      const { hash, event, idGiven, fanOut } = item
      known.events.set(event.id, { hash: idGiven ? hash : null, tenant: event.tenant })
      if (event.idempotencyKey !== null)
        known.keys.set(keyOf(event.tenant, event.idempotencyKey), { eventId: event.id, hash })
      if (event.orderingKey !== null && fanOut === 'background')
        known.fanOuts.add(keyOf(event.tenant, event.orderingKey))
    }
    return fate
  })
}

function fateOf(item: Item, { keys, events, fanOuts }: Known): Fate {
  const { event, hash, idGiven } = item
  const { tenant, idempotencyKey, orderingKey } = event
  const entry = idempotencyKey === null ? undefined : keys.get(keyOf(tenant, idempotencyKey))
  const same = events.get(event.id)
  // A generated id that is there already is this very insert, whose answer got lost.
  if (same !== undefined && !idGiven) return { kind: 'repeat' }
  if (entry !== undefined) return { kind: entry.hash === hash ? 'duplicate' : 'conflict', eventId: entry.eventId }
  if (same !== undefined) {
    const isSame = same.hash === hash && same.tenant === tenant
    return { kind: isSame ? 'duplicate' : 'conflict', eventId: event.id }
  }
  // Compared, never locked: a change that is being made counts from the next insert after its commit.
  if (item.version !== item.endpointsVersion) return { kind: 'endpoints_changed' }
  const waits = item.fanOut === 'inline' && orderingKey !== null && fanOuts.has(keyOf(tenant, orderingKey))
  return { kind: waits ? 'fan_out_waits' : 'insert' }
}

function keyOf(tenant: string, key: string): string {
  return JSON.stringify([tenant, key])
}

async function keysInForce(db: Connection, items: Item[], now: number): Promise<Known['keys']> {
  const keyed = items.filter(({ event }) => event.idempotencyKey !== null)
  if (keyed.length === 0) return new Map()
  const rows = await db.all<{ tenant: string; key: string; eventId: string; hash: string }>(
    `SELECT k.tenant, k.key, k.event_id AS "eventId", k.hash
    FROM ${KEYS.from('i', 2)} JOIN {idempotency} AS k ON k.tenant = i.tenant AND k.key = i.key
    WHERE k.expires_at > $1`,
    now,
    ...KEYS.values(keyed),
  )
  return new Map(rows.map(({ tenant, key, ...entry }) => [keyOf(tenant, key), entry]))
}

async function eventsOf(db: Connection, items: Item[]): Promise<Known['events']> {
  const rows = await db.all<{ id: string; hash: string | null; tenant: string }>(
    'SELECT id, hash, tenant FROM {event} WHERE id = ANY($1::text[])',
    items.map(({ event }) => event.id),
  )
  return new Map(rows.map(({ id, ...event }) => [id, event]))
}

/** Asked for those alone that would write their deliveries at once: behind what is still being fanned out they may not. */
async function fanOutsBefore(db: Connection, items: Item[]): Promise<Known['fanOuts']> {
  const ordered = items.filter(({ event, fanOut }) => event.orderingKey !== null && fanOut === 'inline')
  if (ordered.length === 0) return new Set()
  const rows = await db.all<{ ord: number }>(
    `SELECT i.ord FROM ${ORDERED.from('i')} CROSS JOIN LATERAL (
      SELECT 1 FROM {event} AS e
      WHERE e.tenant = i.tenant AND e.ordering_key = i.ordering_key AND e.fan_cursor IS NOT NULL
        AND e.ordering_key IS NOT NULL LIMIT 1) AS f`,
    ...ORDERED.values(ordered),
  )
  const waiting = rows.flatMap(({ ord }) => ordered[ord - 1]?.event ?? [])
  return new Set(waiting.map(({ tenant, orderingKey }) => keyOf(tenant, orderingKey ?? '')))
}

/** How many deliveries are still kept; null while the fan-out goes on. */
export async function answerDuplicates(db: Connection, fates: Fate[]): Promise<Map<string, number | null>> {
  const ids = fates.flatMap((fate) => (fate.kind === 'duplicate' ? [fate.eventId] : []))
  if (ids.length === 0) return new Map()
  const rows = await db.all<{ id: string; fansOut: boolean; deliveries: number }>(
    `SELECT i.id, e.fan_cursor IS NOT NULL AS "fansOut",
      (SELECT count(*) FROM {delivery} WHERE event_key = e.key) AS deliveries
    FROM unnest($1::text[]) AS i(id) LEFT JOIN {event} AS e ON e.id = i.id`,
    ids,
  )
  return new Map(rows.map(({ id, fansOut, deliveries }) => [id, fansOut ? null : deliveries]))
}

/** The OFFSET keeps the planner from looking for them among all that are leased, or pending. */
const OF_EVENT = 'SELECT * FROM {delivery} WHERE event_key = e.key OFFSET 0'

/** The answer to a repeated insert of a generated id: what is left of it by now. */
export async function answerRepeats(
  db: Connection,
  items: Item[],
  fates: Fate[],
  { now, worker }: { now: number; worker: string },
): Promise<Map<string, InsertResult>> {
  const repeated = items.filter((_, index) => fates[index]?.kind === 'repeat').map(({ event }) => event)
  if (repeated.length === 0) return new Map()
  const ids = repeated.map(({ id }) => id)
  const leases = await db.all<Omit<Lease, 'deliveryId'> & { key: number }>(
    `SELECT d.key, e.id AS "eventId", e.tenant, p.id AS "endpointId", d.claim, d.round, d.step, d.lost,
      d.ordering_key IS NOT NULL AS ordered, d.leased_at AS "leasedAt", d.lease_until AS until
    FROM {event} AS e CROSS JOIN LATERAL (${OF_EVENT}) AS d JOIN {endpoint} AS p ON p.key = d.endpoint_key
    WHERE e.id = ANY($1::text[]) AND d.state = 1 AND d.claim = 1 AND d.worker = $2 AND d.lease_until > $3
    ORDER BY d.created_at, d.key`,
    ids,
    worker,
    now,
  )
  const pending = await db.all<{ id: string; count: number }>(
    `SELECT e.id, count(*) AS count FROM {event} AS e CROSS JOIN LATERAL (${OF_EVENT}) AS d
    WHERE e.id = ANY($1::text[]) AND d.state = 0 GROUP BY e.id`,
    ids,
  )
  const counts = new Map(pending.map(({ id, count }) => [id, count]))
  const ofEvent = byEvent(leases)
  return new Map(
    ids.map((id) => {
      const own = (ofEvent.get(id) ?? []).map(({ key, ...lease }) => ({ deliveryId: deliveryId(key), ...lease }))
      return [id, { status: 'inserted', leases: own, pending: counts.get(id) ?? 0 }]
    }),
  )
}

export function byEvent<T extends { eventId: string }>(leases: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const lease of leases) {
    const group = groups.get(lease.eventId)
    if (group === undefined) groups.set(lease.eventId, [lease])
    else group.push(lease)
  }
  return groups
}
