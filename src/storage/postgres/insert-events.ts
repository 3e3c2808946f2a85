import type { InsertEventsInput, InsertResult } from '../../ports/storage.ts'
import { batchOf } from './batch.ts'
import { type Connection, Overtaken } from './connection.ts'
import { answerDuplicates, answerRepeats, byEvent, type Fate, type Item, judge } from './earlier-insert.ts'
import { whileHeldBriefly } from './held-keys.ts'
import { insertDeliveries, type Wanted, type Written } from './insert-deliveries.ts'
import { textOf } from './rows.ts'
import { findTenants } from './tenants.ts'

const EVENTS = batchOf<Item>({
  id: ['text', ({ event }) => event.id],
  tenant: ['text', ({ event }) => event.tenant],
  created_at: ['bigint', ({ event }) => event.createdAt],
  occurred_at: ['bigint', ({ event }) => unlessCreated(event, event.occurredAt)],
  deliver_at: ['bigint', ({ event }) => unlessCreated(event, event.deliverAt)],
  canceled_at: ['bigint', ({ event }) => event.canceledAt],
  bare: ['boolean', ({ fanOut, deliveries }) => fanOut === 'inline' && deliveries.length === 0],
  fan_version: ['bigint', ({ endpointsVersion }) => endpointsVersion],
  fan_cursor: ['text', ({ fanOut }) => (fanOut === 'inline' ? null : '')],
  type: ['text', ({ event }) => event.type],
  ordering_key: ['text', ({ event }) => event.orderingKey],
  idempotency_key: ['text', ({ event }) => event.idempotencyKey],
  hash: ['text', ({ idGiven, hash }) => (idGiven ? hash : null)],
  endpoint_ids: ['text', ({ endpointIds }) => endpointIds && JSON.stringify(endpointIds)],
  content_type: ['text', ({ event }) => event.contentType],
  headers: ['text', ({ event }) => textOf(event.headers)],
  metadata: ['text', ({ event }) => textOf(event.metadata)],
  body: ['bytea', ({ event }) => event.body],
})

const KEYS = batchOf<Item>({
  tenant: ['text', ({ event }) => event.tenant],
  key: ['text', ({ event }) => event.idempotencyKey],
  expires_at: ['bigint', ({ event, idempotencyExpiresAt }) => idempotencyExpiresAt ?? event.createdAt],
  event_id: ['text', ({ event }) => event.id],
  hash: ['text', ({ hash }) => hash],
})

/** Its moments are stored where they differ from that of its creation. */
function unlessCreated({ createdAt }: Item['event'], moment: number): number | null {
  return moment === createdAt ? null : moment
}

/** Two statements look, three write, however many events there are. */
export async function insertEvents(
  db: Connection,
  { now, worker, events }: InsertEventsInput,
): Promise<InsertResult[]> {
  const tenants = await findTenants(db, new Set(events.map(({ event }) => event.tenant)))
  // A tenant without a row never had endpoints.
  const items = events.map((event): Item => ({ ...event, version: tenants.get(event.event.tenant)?.version ?? 0 }))
  const fates = await judge(db, items, now)
  const fresh = items.filter((_, index) => fates[index]?.kind === 'insert')
  const keys = await whileHeldBriefly(db, fresh, async () => {
    await rememberKeys(db, fresh, now)
    return insertRows(db, fresh)
  })
  const wanted = fresh.flatMap((item) => wantedOf(item, keys))
  const written = await insertDeliveries(db, wanted, { now, worker })
  return answer(db, items, fates, written, { now, worker })
}

function wantedOf(item: Item, keys: ReadonlyMap<string, number>): Wanted[] {
  if (item.fanOut !== 'inline') return []
  const { id, tenant, orderingKey } = item.event
  const event = { key: keys.get(id) ?? 0, id, tenant, orderingKey }
  return item.deliveries.map((delivery) => ({ event, ...delivery }))
}

/**
 * Written in the order of their keys, so that two batches with the same ones wait for each other and never in a circle. An
 * entry that has expired is replaced; one that has come into force meanwhile changes the fate of its event.
 */
async function rememberKeys(db: Connection, items: Item[], now: number): Promise<void> {
  const keyed = items.filter(({ event }) => event.idempotencyKey !== null)
  if (keyed.length === 0) return
  const written = await db.run(
    `INSERT INTO {idempotency} AS k (tenant, key, expires_at, event_id, hash)
    SELECT tenant, key, expires_at, event_id, hash FROM ${KEYS.from('i', 2)} ORDER BY tenant COLLATE "C", key COLLATE "C"
    ON CONFLICT (tenant, key) DO UPDATE
      SET expires_at = excluded.expires_at, event_id = excluded.event_id, hash = excluded.hash
      WHERE k.expires_at <= $1`,
    now,
    ...KEYS.values(keyed),
  )
  if (written !== keyed.length) throw new Overtaken('another insert has taken the same idempotency key')
}

/** Numbered in the order of the batch, written in the order of their ids. Returns their keys. */
async function insertRows(db: Connection, items: Item[]): Promise<Map<string, number>> {
  if (items.length === 0) return new Map()
  const rows = await db.all<{ id: string; key: number }>(
    `WITH numbered AS MATERIALIZED (SELECT i.*, nextval('{event_key}') AS key FROM ${EVENTS.from('i')} ORDER BY ord)
    INSERT INTO {event} (key, id, tenant, created_at, occurred_at, deliver_at, canceled_at, bare, fan_version,
      fan_cursor, type, ordering_key, idempotency_key, hash, endpoint_ids, content_type, headers, metadata, body)
    SELECT key, id, tenant, created_at, occurred_at, deliver_at, canceled_at, bare, fan_version,
      fan_cursor, type, ordering_key, idempotency_key, hash, endpoint_ids, content_type, headers, metadata, body
    FROM numbered ORDER BY id COLLATE "C"
    ON CONFLICT (id) DO NOTHING RETURNING id, key`,
    ...EVENTS.values(items),
  )
  if (rows.length !== items.length) throw new Overtaken('another insert has taken the same event id')
  return new Map(rows.map(({ id, key }) => [id, key]))
}

async function answer(
  db: Connection,
  items: Item[],
  fates: Fate[],
  { leases, waiting }: Written,
  caller: { now: number; worker: string },
): Promise<InsertResult[]> {
  const ofEvent = byEvent(leases)
  const duplicates = await answerDuplicates(db, fates)
  const repeats = await answerRepeats(db, items, fates, caller)
  return items.map((item, index): InsertResult => {
    const fate = fates[index]
    if (fate === undefined) throw new Error(`event ${item.event.id} was not judged`)
    if (fate.kind === 'repeat') return repeats.get(item.event.id) ?? { status: 'inserted', leases: [], pending: 0 }
    if (fate.kind === 'endpoints_changed' || fate.kind === 'fan_out_waits') return { status: fate.kind }
    if (fate.kind === 'conflict') return { status: 'conflict', eventId: fate.eventId }
    if (fate.kind === 'duplicate') {
      return { status: 'duplicate', eventId: fate.eventId, deliveries: duplicates.get(fate.eventId) ?? null }
    }
    const own = ofEvent.get(item.event.id) ?? []
    const count = item.fanOut === 'inline' ? item.deliveries.length : 0
    return { status: 'inserted', leases: own, pending: count - own.length - (waiting.get(item.event.id) ?? 0) }
  })
}
