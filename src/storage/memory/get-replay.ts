import type { ReplayRecord } from '../../model/replay.ts'
import { replayRecord } from './records.ts'
import type { Tables } from './tables.ts'

export function getReplay(tables: Tables, id: string): ReplayRecord | null {
  const row = tables.replays.get(id)
  return row === undefined ? null : replayRecord(row)
}
