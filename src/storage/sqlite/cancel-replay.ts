import type { ReplayRecord } from '../../model/replay.ts'
import type { Connection } from './connection.ts'
import { getReplay } from './get-replay.ts'

/** One that has ended stays as it ended. */
export function cancelReplay(db: Connection, { id, now }: { id: string; now: number }): ReplayRecord | null {
  db.run(`UPDATE {replay} SET state = 'canceled', ended_at = ? WHERE id = ? AND state = 'running'`, now, id)
  return getReplay(db, id)
}
