import type { ReplayRecord } from '../../model/replay.ts'
import type { ReplayStepInput } from '../../ports/storage.ts'
import { enqueue } from './lanes.ts'
import { replayRecord } from './records.ts'
import { candidates, isAtRest, isOfStates, matcherOf } from './selection.ts'
import type { DeliveryRow, ReplayRow, Tables } from './tables.ts'

export function stepReplay(tables: Tables, { replayId, now, limit, examine }: ReplayStepInput): ReplayRecord | null {
  const replay = tables.replays.get(replayId)
  if (replay === undefined) return null
  if (replay.record.state !== 'running') return replayRecord(replay)

  const { selection } = replay.record
  const isOfSelection = matcherOf(selection)
  let { requeued, skipped, cursor } = replay.record
  const full = requeued + limit
  let examined = 0
  let ended = true
  for (const row of unvisited(tables, replay)) {
    if (requeued === full || examined === examine) {
      ended = false
      break
    }
    examined += 1
    cursor = { at: row.createdAt, key: row.key }
    if (!isOfSelection(row) || !isOfStates(row, selection)) continue
    if (isAtRest(row) && !row.endpoint.deleted) {
      requeue(row, replayId, now)
      requeued += 1
    } else {
      skipped += 1
    }
  }
  replay.record = { ...replay.record, requeued, skipped, cursor }
  if (ended) replay.record = { ...replay.record, state: 'completed', endedAt: now }
  return replayRecord(replay)
}

/** In the order of creation; those made since the replay began are not part of it. */
function unvisited(tables: Tables, { record }: ReplayRow): DeliveryRow[] {
  const rows = candidates(tables, record.selection)?.sort((a, b) => a.key - b.key) ?? [...tables.deliveries.values()]
  return rows.filter(({ key }) => key > record.cursor.key && key <= record.bound.key)
}

/** Due now, in its next round, from the first step of the schedule, and out of its turn. */
function requeue(row: DeliveryRow, replayId: string, now: number): void {
  row.round += 1
  row.step = 0
  row.lost = 0
  row.reason = null
  row.endedAt = null
  row.dueAt = now
  row.replayId = replayId
  row.ordered = false
  enqueue(row)
}
