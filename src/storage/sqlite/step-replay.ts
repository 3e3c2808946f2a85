import type { ReplayRecord } from '../../model/replay.ts'
import type { ReplayStepInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'
import type { Examined } from './page.ts'
import { findReplay, saveStep } from './replays.ts'
import { AT_REST, stateOf } from './rows.ts'
import { scanUp } from './scan.ts'

interface Visited extends Examined {
  state: number
  endpointKey: number
}

interface Visit {
  requeue: Visited[]
  skipped: number
  cursor: { at: number; key: number }
  ended: boolean
}

export function stepReplay(db: Connection, { replayId, now, limit, examine }: ReplayStepInput): ReplayRecord | null {
  const replay = findReplay(db, replayId)
  if (replay === null || replay.record.state !== 'running') return replay?.record ?? null
  const { requeue, cursor, ended, ...visited } = visit(db, replay.record, limit, examine)
  const lanes = new Lanes(db, now)
  let { skipped } = visited
  const endpointIds = new Map<number, string>()
  for (const { key, endpointKey } of requeue) {
    const endpointId = endpointIds.get(endpointKey) ?? endpointIdOf(db, endpointKey)
    endpointIds.set(endpointKey, endpointId)
    const lane = lanes.find(endpointId)
    if (lane === undefined || lane.deleted === 1) {
      skipped++
      continue
    }
    db.run(
      `UPDATE {delivery} SET state = 0, round = round + 1, step = 0, lost = 0, due_at = ?, ended_at = NULL,
        reason = NULL, replay_key = ?, ordering_key = NULL
      WHERE key = ?`,
      now,
      replay.key,
      key,
    )
    lanes.enqueue(lane, now)
  }
  lanes.flush()
  saveStep(db, replay, { requeued: requeue.length + visited.skipped - skipped, skipped, cursor, ended }, now)
  return findReplay(db, replayId)?.record ?? null
}

/** Reads on from the cursor. The cursor passes each delivery once, so that none is requeued twice by one replay. */
function visit(db: Connection, { selection, cursor, bound }: ReplayRecord, limit: number, examine: number): Visit {
  const rows = scanUp<Visited>(db, {
    selection,
    columns: 'd.state, d.endpoint_key AS endpointKey',
    from: cursor,
    bound: bound.at,
  })
  const result: Visit = { requeue: [], skipped: 0, cursor, ended: false }
  let examined = 0
  for (const row of rows) {
    if (result.requeue.length === limit || examined === examine) return result
    examined++
    result.cursor = { at: row.createdAt, key: row.key }
    if (row.matches === 0 || row.key > bound.key) continue
    if (AT_REST.includes(stateOf(row.state))) result.requeue.push(row)
    else result.skipped++
  }
  return { ...result, ended: true }
}

function endpointIdOf(db: Connection, key: number): string {
  return db.get<{ id: string }>('SELECT id FROM {endpoint} WHERE key = ?', key)?.id ?? ''
}
