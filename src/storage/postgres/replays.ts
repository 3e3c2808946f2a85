import type { ReplayRecord, ReplayState, Selection } from '../../model/replay.ts'
import type { Position } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

/** A replay with what only storage knows of it: the delivery visited last, and the last that it may visit. */
export interface StoredReplay {
  key: number
  record: ReplayRecord
  cursor: Position
  bound: Position
}

interface ReplayRow {
  key: number
  id: string
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

const REPLAY_COLUMNS = `
  key, id, state, created_at AS "createdAt", ended_at AS "endedAt", per_second AS "perSecond", total, requeued,
  skipped, cursor_at AS "cursorAt", cursor_key AS "cursorKey", bound_at AS "boundAt", bound_key AS "boundKey",
  selection`

export async function findReplay(db: Connection, id: string): Promise<StoredReplay | null> {
  return replayOf(await db.get<ReplayRow>(`SELECT ${REPLAY_COLUMNS} FROM {replay} WHERE id = $1`, id))
}

/** Steps of one replay are taken one after the other, whoever takes them. */
export async function lockReplay(db: Connection, id: string): Promise<StoredReplay | null> {
  return replayOf(await db.get<ReplayRow>(`SELECT ${REPLAY_COLUMNS} FROM {replay} WHERE id = $1 FOR UPDATE`, id))
}

export async function findRunningReplays(db: Connection, limit: number): Promise<StoredReplay[]> {
  const rows = await db.all<ReplayRow>(
    `SELECT ${REPLAY_COLUMNS} FROM {replay} WHERE state = 'running' ORDER BY created_at, key LIMIT $1`,
    limit,
  )
  return rows.map(replayOf).filter((replay) => replay !== null)
}

function replayOf(row: ReplayRow | undefined): StoredReplay | null {
  if (row === undefined) return null
  const selection = JSON.parse(row.selection) as Selection
  return {
    key: row.key,
    cursor: { at: row.cursorAt, key: row.cursorKey },
    bound: { at: row.boundAt, key: row.boundKey },
    record: {
      id: row.id,
      tenant: selection.tenant ?? null,
      selection,
      state: row.state,
      perSecond: row.perSecond,
      total: row.total,
      requeued: row.requeued,
      skipped: row.skipped,
      createdAt: row.createdAt,
      endedAt: row.endedAt,
    },
  }
}
