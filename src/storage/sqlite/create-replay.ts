import type { ReplayRecord } from '../../model/replay.ts'
import type { NewReplay } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { findReplay } from './replays.ts'

/** The bounds keep out what is made later: by key, and by moment, so that the visit ends however many come after. */
export function createReplay(db: Connection, input: NewReplay): ReplayRecord {
  const { id, kind, selection, perSecond, total, now } = input
  const visited = kind === 'replay' ? 'delivery' : 'event'
  db.run(
    `INSERT INTO {replay} (id, kind, state, created_at, per_second, total, bound_at, bound_key, tenant, selection)
    VALUES (?, ?, 'running', ?, ?, ?,
      coalesce((SELECT max(created_at) FROM {${visited}} INDEXED BY {${visited}_by_creation}), 0),
      coalesce((SELECT max(key) FROM {${visited}}), 0), ?, ?)
    ON CONFLICT (id) DO NOTHING`,
    id,
    kind,
    now,
    perSecond,
    total,
    selection.tenant ?? null,
    JSON.stringify(selection),
  )
  const replay = findReplay(db, id)
  if (replay === null) throw new Error(`replay ${id} was not written`)
  return replay.record
}
