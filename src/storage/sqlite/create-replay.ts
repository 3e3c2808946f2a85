import type { ReplayRecord } from '../../model/replay.ts'
import type { NewReplay } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { findReplay } from './replays.ts'

/** The bounds keep out what is made later: by key, and by moment, so that the visit ends however many come after. */
export function createReplay(db: Connection, { id, selection, perSecond, total, now }: NewReplay): ReplayRecord {
  db.run(
    `INSERT INTO {replay} (id, state, created_at, per_second, total, bound_at, bound_key, selection)
    VALUES (?, 'running', ?, ?, ?,
      coalesce((SELECT max(created_at) FROM {delivery} INDEXED BY {delivery_by_creation}), 0),
      coalesce((SELECT max(key) FROM {delivery}), 0), ?)
    ON CONFLICT (id) DO NOTHING`,
    id,
    now,
    perSecond,
    total,
    JSON.stringify(selection),
  )
  const replay = findReplay(db, id)
  if (replay === null) throw new Error(`replay ${id} was not written`)
  return replay.record
}
