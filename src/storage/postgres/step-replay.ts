import type { ReplayRecord } from '../../model/replay.ts'
import type { ReplayStepInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'
import type { Examined } from './page.ts'
import { lockReplay, moveReplay, type Progress } from './replays.ts'
import { AT_REST, stateOf } from './rows.ts'
import { scanUp } from './scan.ts'

interface Visited extends Examined {
  state: number
  endpointId: string
}

interface Visit extends Omit<Progress, 'requeued'> {
  requeue: Visited[]
}

export async function stepReplay(
  db: Connection,
  { replayId, now, limit, examine }: ReplayStepInput,
): Promise<ReplayRecord | null> {
  const replay = await lockReplay(db, replayId)
  if (replay === null || replay.record.state !== 'running') return replay?.record ?? null
  const { requeue, skipped, ...place } = await visit(db, replay.record, limit, examine)
  const requeued = await requeueAll(db, replay.key, requeue, now)
  return moveReplay(db, replay, { requeued, skipped: skipped + requeue.length - requeued, ...place }, now)
}

/**
 * Those of deleted endpoints are left alone, and those that another has moved meanwhile. Requeued out of their turn: without an
 * ordering key. Returns how many were requeued.
 */
async function requeueAll(db: Connection, replayKey: number, visited: Visited[], now: number): Promise<number> {
  const lanes = new Lanes(db, now)
  await lanes.lock(visited.map(({ endpointId }) => endpointId))
  const chosen = visited.filter(({ endpointId }) => lanes.find(endpointId)?.deleted === false)
  if (chosen.length === 0) return 0
  const rows = await db.all<{ key: number }>(
    `WITH held AS MATERIALIZED (
      SELECT key FROM {delivery} WHERE key = ANY($3::bigint[]) AND state IN (2, 3, 4) ORDER BY key FOR UPDATE)
    UPDATE {delivery} AS d SET state = 0, round = d.round + 1, step = 0, lost = 0, due_at = $1, ended_at = NULL,
      reason = NULL, replay_key = $2, ordering_key = NULL
    FROM held WHERE d.key = held.key RETURNING d.key`,
    now,
    replayKey,
    chosen.map(({ key }) => key),
  )
  const requeued = new Set(rows.map(({ key }) => key))
  for (const { key, endpointId } of chosen) {
    const lane = requeued.has(key) ? lanes.find(endpointId) : undefined
    if (lane !== undefined) lanes.enqueue(lane, now)
  }
  await lanes.flush()
  return requeued.size
}

/** Reads on from the cursor. The cursor passes each delivery once, so that none is requeued twice by one replay. */
async function visit(
  db: Connection,
  { selection, cursor, bound }: ReplayRecord,
  limit: number,
  examine: number,
): Promise<Visit> {
  const rows = scanUp<Visited>(db, {
    selection,
    columns: 'd.state, p.id AS "endpointId"',
    from: cursor,
    first: Math.min(limit, examine) + 1,
    bound: bound.at,
  })
  const result: Visit = { requeue: [], skipped: 0, cursor, ended: false }
  let examined = 0
  for await (const row of rows) {
    if (result.requeue.length === limit || examined === examine) return result
    examined++
    result.cursor = { at: row.createdAt, key: row.key }
    if (!row.matches || row.key > bound.key) continue
    if (AT_REST.includes(stateOf(row.state))) result.requeue.push(row)
    else result.skipped++
  }
  return { ...result, ended: true }
}
