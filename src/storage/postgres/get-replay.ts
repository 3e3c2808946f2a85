import type { ReplayRecord } from '../../model/replay.ts'
import type { Connection } from './connection.ts'
import { findReplay } from './replays.ts'

export async function getReplay(db: Connection, id: string): Promise<ReplayRecord | null> {
  return (await findReplay(db, id))?.record ?? null
}
