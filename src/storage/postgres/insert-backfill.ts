import type { ReplayRecord } from '../../model/replay.ts'
import type { BackfillInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'
import { lockReplay, moveReplay, type StoredReplay } from './replays.ts'

export async function insertBackfill(db: Connection, input: BackfillInput): Promise<ReplayRecord | null> {
  const { replayId, now, from, to, eventIds } = input
  const replay = await lockReplay(db, replayId)
  if (replay === null) return null
  const { state, cursor } = replay.record
  if (state !== 'running' || cursor.at !== from.at || cursor.key !== from.key) return replay.record
  const written = await insertAll(db, replay, eventIds, now)
  const skipped = eventIds.length - written
  return moveReplay(db, replay, { requeued: written, skipped, cursor: to ?? cursor, ended: to === null }, now)
}

/**
 * Without an ordering key, and so out of turn. The events are locked before the lane: beside this none is canceled, and none is
 * taken for one without deliveries and removed. Returns how many were written.
 */
async function insertAll(
  db: Connection,
  { key: replayKey, record }: StoredReplay,
  eventIds: string[],
  now: number,
): Promise<number> {
  if (eventIds.length === 0) return 0
  const events = await lockEvents(db, eventIds)
  const lanes = new Lanes(db, now)
  const endpointId = record.selection.endpointId ?? ''
  await lanes.lock([endpointId])
  const lane = lanes.find(endpointId)
  if (lane === undefined || lane.deleted) return 0
  const rows = await db.all<{ eventKey: number; dueAt: number }>(
    `INSERT INTO {delivery} (event_key, endpoint_key, tenant_key, state, claim, created_at, due_at, replay_key)
    SELECT event_key, $1, $2, 0, 0, $3, greatest($3, deliver_at), $4
    FROM unnest($5::bigint[], $6::bigint[]) WITH ORDINALITY AS i(event_key, deliver_at, ord) ORDER BY ord
    ON CONFLICT (event_key, endpoint_key) DO NOTHING RETURNING event_key AS "eventKey", due_at AS "dueAt"`,
    lane.endpointKey,
    lane.tenantKey,
    now,
    replayKey,
    events.map(({ key }) => key),
    events.map(({ deliverAt }) => deliverAt),
  )
  if (rows.length === 0) return 0
  const written = new Set(rows.map(({ eventKey }) => eventKey))
  await db.run(
    'UPDATE {event} SET bare = false WHERE key = ANY($1::bigint[])',
    events.flatMap(({ key, bare }) => (bare && written.has(key) ? [key] : [])),
  )
  lanes.enqueue(lane, Math.min(...rows.map(({ dueAt }) => dueAt)))
  await lanes.flush()
  return rows.length
}

interface Locked {
  key: number
  id: string
  deliverAt: number
  bare: boolean
  canceled: boolean
}

/** Those that are not canceled, in the order of the ids. */
async function lockEvents(db: Connection, ids: string[]): Promise<Locked[]> {
  const rows = await db.all<Locked>(
    `SELECT key, id, coalesce(deliver_at, created_at) AS "deliverAt", bare, canceled_at IS NOT NULL AS canceled FROM {event}
    WHERE id = ANY($1::text[]) ORDER BY key FOR UPDATE`,
    ids,
  )
  const events = new Map(rows.filter(({ canceled }) => !canceled).map((row) => [row.id, row]))
  return ids.flatMap((id) => events.get(id) ?? [])
}
