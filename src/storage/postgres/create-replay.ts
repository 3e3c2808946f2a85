import type { ReplayRecord } from '../../model/replay.ts'
import type { NewReplay } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { findReplay } from './replays.ts'

/** The bounds keep out what is made later: by key, and by moment, so that the visit ends however many come after. */
export async function createReplay(
  db: Connection,
  { id, selection, perSecond, total, now }: NewReplay,
): Promise<ReplayRecord> {
  await db.run(
    `INSERT INTO {replay} (id, state, created_at, per_second, total, bound_at, bound_key, selection)
    VALUES ($1, 'running', $2, $3, $4,
      coalesce((SELECT max(created_at) FROM {delivery}), 0),
      coalesce((SELECT max(key) FROM {delivery}), 0), $5)
    ON CONFLICT (id) DO NOTHING`,
    id,
    now,
    perSecond,
    total,
    JSON.stringify(selection),
  )
  const replay = await findReplay(db, id)
  if (replay === null) throw new Error(`replay ${id} was not written`)
  return replay.record
}
