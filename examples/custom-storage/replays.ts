import type {
  NewReplay,
  Page,
  ReplayProgressCounts,
  ReplayQuery,
  ReplayRecord,
  ReplayStepInput,
} from 'hookferry/storage'
import { numberIn, under } from './keys.ts'
import { saveDelivery } from './lanes.ts'
import { pageOf, rangeDown } from './page.ts'
import type { DeliveryRow } from './rows.ts'
import { isAtRest, isSelected, selectUp } from './selection.ts'
import type { Reader, Writer } from './store/store.ts'
import { count } from './table.ts'
import { lanes, lastKey, nextKey, replays } from './tables.ts'

/** Made again under the same id, it is the one made before. */
export function createReplay(db: Writer, input: NewReplay): ReplayRecord {
  const { id, kind, selection, perSecond, total, now } = input
  const before = replays.find(db, id)
  if (before !== undefined) return before.record
  const record: ReplayRecord = {
    id,
    kind,
    tenant: selection.tenant ?? null,
    selection,
    state: 'running',
    perSecond,
    total,
    requeued: 0,
    skipped: 0,
    cursor: { at: -1, key: 0 },
    // Keys grow: each row that is there has one up to this, each that comes later a higher one.
    bound: { at: lastMoment(db, kind === 'replay' ? 'deliveries' : 'events'), key: lastKey(db) },
    createdAt: now,
    endedAt: null,
  }
  replays.put(db, { key: nextKey(db), record })
  return replays.get(db, id).record
}

/** When the last row along this index was created. */
function lastMoment(db: Reader, index: string): number {
  const { from, to } = under(index)
  for (const [last] of db.down(from, to)) return numberIn(last, 1)
  return 0
}

/** The cursor passes each delivery once, so that none is requeued twice by one replay. */
export function stepReplay(db: Writer, { replayId, now, limit, examine }: ReplayStepInput): ReplayRecord | null {
  const replay = replays.find(db, replayId)
  if (replay === undefined) return null
  if (replay.record.state !== 'running') return replay.record

  const { record } = replay
  const requeued: DeliveryRow[] = []
  let { cursor, skipped } = record
  let examined = 0
  let ended = true
  for (const row of selectUp(db, record.selection, cursor)) {
    if (requeued.length >= limit || examined >= examine) {
      ended = false
      break
    }
    examined += 1
    cursor = { at: row.createdAt, key: row.key }
    if (row.key > record.bound.key || !isSelected(row, record.selection)) continue
    if (isAtRest(row) && !lanes.get(db, row.endpointId).deleted) requeued.push(row)
    else skipped += 1
  }
  for (const row of requeued) requeue(db, row, replayId, now)
  const state = ended ? { state: 'completed' as const, endedAt: now } : {}
  const next = { ...record, requeued: record.requeued + requeued.length, skipped, cursor, ...state }
  replays.put(db, { ...replay, record: next })
  return next
}

/** Due now, in its next round, from the first step of the schedule; out of its turn, which is over. */
function requeue(db: Writer, row: DeliveryRow, replayId: string, now: number): void {
  const anew = { state: 'pending' as const, reason: null, endedAt: null, dueAt: now, step: 0, lost: 0 }
  saveDelivery(db, { ...row, ...anew, round: row.round + 1, orderingKey: null, replayId }, now)
}

/** What was requeued stays so. A replay that has ended stays as it ended. */
export function cancelReplay(db: Writer, { id, now }: { id: string; now: number }): ReplayRecord | null {
  const replay = replays.find(db, id)
  if (replay === undefined) return null
  if (replay.record.state !== 'running') return replay.record
  const record = { ...replay.record, state: 'canceled' as const, endedAt: now }
  replays.put(db, { ...replay, record })
  return record
}

export function getReplay(db: Reader, id: string): ReplayRecord | null {
  return replays.find(db, id)?.record ?? null
}

export function listReplays(db: Reader, query: ReplayQuery): Page<ReplayRecord> {
  const { tenant, states } = query
  const index = tenant === null ? ['replays'] : ['replays-of', tenant]
  return pageOf(replays.alongDown(db, rangeDown(index, query)), query, {
    placeOf: ({ record, key }) => ({ at: record.createdAt, key }),
    matches: ({ record }) => states === null || states.includes(record.state),
    record: ({ record }) => record,
  })
}

/** Oldest first. */
export function runningReplays(db: Reader, { limit }: { limit: number }): ReplayRecord[] {
  return replays.take(db, under('running'), limit).map(({ record }) => record)
}

/** A delivery counts for the replay that requeued it last. Counted along keys that hold the state: no row is read. */
export function replayProgress(db: Reader, id: string): ReplayProgressCounts {
  const of = (state: DeliveryRow['state']) => count(db, under('replayed', id, state), Infinity)
  return {
    delivered: of('delivered'),
    failed: of('failed'),
    canceled: of('canceled'),
    open: of('pending') + of('leased'),
  }
}
