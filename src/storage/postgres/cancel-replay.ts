import type { ReplayRecord } from '../../model/replay.ts'
import type { Connection } from './connection.ts'
import { getReplay } from './get-replay.ts'

/** One that has ended stays as it ended. */
export async function cancelReplay(
  db: Connection,
  { id, now }: { id: string; now: number },
): Promise<ReplayRecord | null> {
  await db.run(`UPDATE {replay} SET state = 'canceled', ended_at = $1 WHERE id = $2 AND state = 'running'`, now, id)
  return getReplay(db, id)
}
