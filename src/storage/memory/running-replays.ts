import type { ReplayRecord } from '../../model/replay.ts'
import { replayRecord } from './records.ts'
import type { Tables } from './tables.ts'

/** Oldest first. */
export function runningReplays(tables: Tables, { limit }: { limit: number }): ReplayRecord[] {
  const running = [...tables.replays.values()].filter(({ record }) => record.state === 'running')
  return running.slice(0, limit).map(replayRecord)
}
