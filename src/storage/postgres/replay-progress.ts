import type { ReplayProgressCounts } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { stateOf } from './rows.ts'

/** A delivery counts for the replay that requeued it last. */
export async function replayProgress(db: Connection, id: string): Promise<ReplayProgressCounts> {
  const rows = await db.all<{ state: number; count: number }>(
    `SELECT state, count(*) AS count FROM {delivery}
    WHERE replay_key = (SELECT key FROM {replay} WHERE id = $1) AND replay_key IS NOT NULL GROUP BY state`,
    id,
  )
  const counts: ReplayProgressCounts = { delivered: 0, failed: 0, canceled: 0, open: 0 }
  for (const { state: number, count } of rows) {
    const state = stateOf(number)
    counts[state === 'pending' || state === 'leased' ? 'open' : state] += count
  }
  return counts
}
