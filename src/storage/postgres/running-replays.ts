import type { ReplayRecord } from '../../model/replay.ts'
import type { Connection } from './connection.ts'
import { REPLAY_COLUMNS, type ReplayRow, replayOf } from './replays.ts'

/** Oldest first. */
export async function runningReplays(db: Connection, { limit }: { limit: number }): Promise<ReplayRecord[]> {
  const rows = await db.all<ReplayRow>(
    `SELECT ${REPLAY_COLUMNS} FROM {replay} WHERE state = 'running' ORDER BY created_at, key LIMIT $1`,
    limit,
  )
  return rows.map(replayOf)
}
