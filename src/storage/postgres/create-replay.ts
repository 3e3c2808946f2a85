import type { ReplayRecord } from '../../model/replay.ts'
import type { NewReplay } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { findReplay } from './replays.ts'

/**
 * The bounds keep out what is made later: by key, and by moment, so that the visit ends however many come after. A replay visits
 * deliveries, a backfill events.
 */
export async function createReplay(
  db: Connection,
  { id, kind, selection, perSecond, total, now }: NewReplay,
): Promise<ReplayRecord> {
  const visited = kind === 'replay' ? '{delivery}' : '{event}'
  await db.run(
    `INSERT INTO {replay} (id, kind, tenant, state, created_at, per_second, total, bound_at, bound_key, selection)
    VALUES ($1, $2, $3, 'running', $4, $5, $6,
      coalesce((SELECT max(created_at) FROM ${visited}), 0),
      coalesce((SELECT max(key) FROM ${visited}), 0), $7)
    ON CONFLICT (id) DO NOTHING`,
    id,
    kind,
    selection.tenant ?? null,
    now,
    perSecond,
    total,
    JSON.stringify(selection),
  )
  const replay = await findReplay(db, id)
  if (replay === null) throw new Error(`replay ${id} was not written`)
  return replay.record
}
