import type { ReplayRecord } from '../../model/replay.ts'
import type { NewReplay } from '../../ports/storage.ts'
import { replayRecord } from './records.ts'
import type { ReplayRow, Tables } from './tables.ts'

/** Made again under the same id, it is the one made before. */
export function createReplay(tables: Tables, { id, selection, perSecond, total, now }: NewReplay): ReplayRecord {
  const before = tables.replays.get(id)
  if (before !== undefined) return replayRecord(before)
  const row: ReplayRow = {
    record: {
      id,
      tenant: selection.tenant ?? null,
      selection: structuredClone(selection),
      state: 'running',
      perSecond,
      total,
      requeued: 0,
      skipped: 0,
      createdAt: now,
      endedAt: null,
    },
    cursor: 0,
    bound: tables.lastKey,
  }
  tables.replays.set(id, row)
  return replayRecord(row)
}
