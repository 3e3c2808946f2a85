import type { ReplayRecord } from '../../model/replay.ts'
import { replayRecord } from './records.ts'
import type { Tables } from './tables.ts'

/** What was requeued stays so. A replay that has ended stays as it ended. */
export function cancelReplay(tables: Tables, { id, now }: { id: string; now: number }): ReplayRecord | null {
  const row = tables.replays.get(id)
  if (row === undefined) return null
  if (row.record.state === 'running') row.record = { ...row.record, state: 'canceled', endedAt: now }
  return replayRecord(row)
}
