import type { ReplayRecord } from '../../model/replay.ts'
import type { Connection } from './connection.ts'
import { findRunningReplays } from './replays.ts'

/** Oldest first. */
export function runningReplays(db: Connection, { limit }: { limit: number }): ReplayRecord[] {
  return findRunningReplays(db, limit).map(({ record }) => record)
}
