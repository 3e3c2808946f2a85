import type { ReplayKind, ReplayRecord } from '../../model/replay.ts'
import type { NewReplay } from '../../ports/storage.ts'
import { replayRecord } from './records.ts'
import { nextKey, type ReplayRow, type Tables } from './tables.ts'

/** Made again under the same id, it is the one made before. */
export function createReplay(tables: Tables, input: NewReplay): ReplayRecord {
  const { id, kind, selection, perSecond, total, now } = input
  const before = tables.replays.get(id)
  if (before !== undefined) return replayRecord(before)
  const row: ReplayRow = {
    record: {
      id,
      kind,
      tenant: selection.tenant ?? null,
      selection: structuredClone(selection),
      state: 'running',
      perSecond,
      total,
      requeued: 0,
      skipped: 0,
      cursor: { at: -1, key: 0 },
      bound: { at: lastMoment(tables, kind), key: tables.lastKey },
      createdAt: now,
      endedAt: null,
    },
    key: nextKey(tables),
  }
  tables.replays.set(id, row)
  tables.replaysByCreation.add(row)
  return replayRecord(row)
}

/** Of what the replay visits: when the last one was created. */
function lastMoment({ deliveriesByCreation, eventsByCreation }: Tables, kind: ReplayKind): number {
  const last = kind === 'replay' ? deliveriesByCreation.last?.createdAt : eventsByCreation.last?.record.createdAt
  return last ?? 0
}
