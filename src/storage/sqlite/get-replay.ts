import type { ReplayRecord } from '../../model/replay.ts'
import type { Connection } from './connection.ts'
import { findReplay } from './replays.ts'

export function getReplay(db: Connection, id: string): ReplayRecord | null {
  return findReplay(db, id)?.record ?? null
}
