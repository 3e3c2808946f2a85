import type { ReplayRecord } from '../../model/replay.ts'
import type { BackfillInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { insertDelivery, type Parent } from './insert-delivery.ts'
import { type Lane, Lanes } from './lanes.ts'
import { findReplay, saveStep } from './replays.ts'

export function insertBackfill(db: Connection, input: BackfillInput): ReplayRecord | null {
  const { replayId, now, from, to, eventIds } = input
  const replay = findReplay(db, replayId)
  if (replay === null) return null
  const { state, cursor, selection } = replay.record
  if (state !== 'running' || cursor.at !== from.at || cursor.key !== from.key) return replay.record

  const lanes = new Lanes(db, now)
  const lane = lanes.find(selection.endpointId ?? '')
  let requeued = 0
  if (lane !== undefined && lane.deleted === 0) {
    for (const id of eventIds) if (backfill(db, lanes, lane, id, replay.key, now)) requeued++
  }
  lanes.flush()
  saveStep(db, replay, { requeued, skipped: eventIds.length - requeued, cursor: to ?? cursor, ended: to === null }, now)
  return findReplay(db, replayId)?.record ?? null
}

/** False: the event is no longer there for it, or has its delivery. */
function backfill(db: Connection, lanes: Lanes, lane: Lane, eventId: string, replayKey: number, now: number): boolean {
  const event = db.get<Parent & { deliverAt: number }>(
    `SELECT e.key, e.id, e.deliver_at AS deliverAt, e.tenant_key AS tenantKey, t.name AS tenant, NULL AS orderingKey
    FROM {event} AS e CROSS JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.id = ? AND e.canceled_at IS NULL`,
    eventId,
  )
  if (event === undefined) return false
  const delivery = { endpointId: lane.endpointId, dueAt: Math.max(now, event.deliverAt), leaseUntil: null }
  if (insertDelivery(db, lanes, event, delivery, { now, worker: null }, replayKey) === null) return false
  db.run('UPDATE {event} SET bare = 0 WHERE key = ? AND bare = 1', event.key)
  return true
}
