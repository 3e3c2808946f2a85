import type { ReplayKind, ReplayRecord, ReplayState, Selection } from '../../model/replay.ts'
import type { Position } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

/** A replay with its key, which its deliveries bear. */
export interface StoredReplay {
  key: number
  record: ReplayRecord
}

export interface ReplayRow {
  key: number
  id: string
  kind: ReplayKind
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
  key, id, kind, state, created_at AS createdAt, ended_at AS endedAt, per_second AS perSecond, total, requeued, skipped,
  cursor_at AS cursorAt, cursor_key AS cursorKey, bound_at AS boundAt, bound_key AS boundKey, selection`

export function findReplay(db: Connection, id: string): StoredReplay | null {
  const row = db.get<ReplayRow>(`SELECT ${REPLAY_COLUMNS} FROM {replay} WHERE id = ?`, id)
  return row === undefined ? null : replayOf(row)
}

export function findRunningReplays(db: Connection, limit: number): StoredReplay[] {
  return db
    .all<ReplayRow>(
      `SELECT ${REPLAY_COLUMNS} FROM {replay} INDEXED BY {replay_running}
      WHERE state = 'running' ORDER BY created_at, key LIMIT ?`,
      limit,
    )
    .map(replayOf)
}

/** What a step has done. */
export interface Step {
  requeued: number
  skipped: number
  cursor: Position
  ended: boolean
}

export function saveStep(db: Connection, { key }: StoredReplay, step: Step, now: number): void {
  db.run(
    `UPDATE {replay} SET cursor_at = ?, cursor_key = ?, requeued = requeued + ?, skipped = skipped + ?, state = ?, ended_at = ?
    WHERE key = ?`,
    step.cursor.at,
    step.cursor.key,
    step.requeued,
    step.skipped,
    step.ended ? 'completed' : 'running',
    step.ended ? now : null,
    key,
  )
}

export function replayOf(row: ReplayRow): StoredReplay {
  const selection = JSON.parse(row.selection) as Selection
  return {
    key: row.key,
    record: {
      id: row.id,
      kind: row.kind,
      tenant: selection.tenant ?? null,
      selection,
      state: row.state,
      perSecond: row.perSecond,
      total: row.total,
      requeued: row.requeued,
      skipped: row.skipped,
      cursor: { at: row.cursorAt, key: row.cursorKey },
      bound: { at: row.boundAt, key: row.boundKey },
      createdAt: row.createdAt,
      endedAt: row.endedAt,
    },
  }
}
