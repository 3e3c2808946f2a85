import type { Position, ReplayKind, ReplayRecord, ReplayState, Selection } from '../../model/replay.ts'
import type { Connection } from './connection.ts'

export interface StoredReplay {
  key: number
  record: ReplayRecord
}

export interface ReplayRow {
  key: number
  id: string
  kind: ReplayKind
  tenant: string | null
  state: ReplayState
  createdAt: number
  endedAt: number | null
  perSecond: number | null
  total: number
  requeued: number
  skipped: number
  cursorAt: number
  cursorKey: number
  boundAt: number
  boundKey: number
  selection: string
}

export const REPLAY_COLUMNS = `
  key, id, kind, tenant, state, created_at AS "createdAt", ended_at AS "endedAt", per_second AS "perSecond", total, requeued,
  skipped, cursor_at AS "cursorAt", cursor_key AS "cursorKey", bound_at AS "boundAt", bound_key AS "boundKey",
  selection`

export async function findReplay(db: Connection, id: string): Promise<StoredReplay | null> {
  return storedOf(await db.get<ReplayRow>(`SELECT ${REPLAY_COLUMNS} FROM {replay} WHERE id = $1`, id))
}

/** Steps of one replay are taken one after the other, whoever takes them. */
export async function lockReplay(db: Connection, id: string): Promise<StoredReplay | null> {
  return storedOf(await db.get<ReplayRow>(`SELECT ${REPLAY_COLUMNS} FROM {replay} WHERE id = $1 FOR UPDATE`, id))
}

/** What a step has done. */
export interface Progress {
  requeued: number
  skipped: number
  cursor: Position
  /** Everything has been visited. */
  ended: boolean
}

export async function moveReplay(
  db: Connection,
  { key, record }: StoredReplay,
  { requeued, skipped, cursor, ended }: Progress,
  now: number,
): Promise<ReplayRecord> {
  const row = await db.get<ReplayRow>(
    `UPDATE {replay} SET cursor_at = $1, cursor_key = $2, requeued = requeued + $3, skipped = skipped + $4,
      state = $5, ended_at = $6
    WHERE key = $7 RETURNING ${REPLAY_COLUMNS}`,
    cursor.at,
    cursor.key,
    requeued,
    skipped,
    ended ? 'completed' : 'running',
    ended ? now : null,
    key,
  )
  if (row === undefined) throw new Error(`replay ${record.id} was not written`)
  return replayOf(row)
}

export function replayOf(row: ReplayRow): ReplayRecord {
  return {
    id: row.id,
    kind: row.kind,
    tenant: row.tenant,
    selection: JSON.parse(row.selection) as Selection,
    state: row.state,
    perSecond: row.perSecond,
    total: row.total,
    requeued: row.requeued,
    skipped: row.skipped,
    cursor: { at: row.cursorAt, key: row.cursorKey },
    bound: { at: row.boundAt, key: row.boundKey },
    createdAt: row.createdAt,
    endedAt: row.endedAt,
  }
}

function storedOf(row: ReplayRow | undefined): StoredReplay | null {
  return row === undefined ? null : { key: row.key, record: replayOf(row) }
}
