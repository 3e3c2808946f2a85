import type { ReplayRecord } from '../../model/replay.ts'
import type { Connection } from './connection.ts'
import { findRunningReplays } from './replays.ts'

/** Oldest first. */
export async function runningReplays(db: Connection, { limit }: { limit: number }): Promise<ReplayRecord[]> {
  return (await findRunningReplays(db, limit)).map(({ record }) => record)
}
