import type { ReplayRecord } from '../../model/replay.ts'
import type { BackfillInput } from '../../ports/storage.ts'
import { insertDelivery } from './insert-delivery.ts'
import { replayRecord } from './records.ts'
import type { EndpointRow, Tables } from './tables.ts'

export function insertBackfill(tables: Tables, input: BackfillInput): ReplayRecord | null {
  const { replayId, now, from, to, eventIds } = input
  const replay = tables.replays.get(replayId)
  if (replay === undefined) return null
  const { state, cursor, selection } = replay.record
  if (state !== 'running' || cursor.at !== from.at || cursor.key !== from.key) return replayRecord(replay)

  const endpoint = tables.endpoints.get(selection.endpointId ?? '')
  const written = eventIds.filter((id) => backfill(tables, id, endpoint, replayId, now)).length
  replay.record = {
    ...replay.record,
    requeued: replay.record.requeued + written,
    skipped: replay.record.skipped + eventIds.length - written,
    cursor: to ?? cursor,
    state: to === null ? 'completed' : 'running',
    endedAt: to === null ? now : null,
  }
  return replayRecord(replay)
}

/** False: the event or the endpoint is no longer there for it, or it has its delivery. */
function backfill(
  tables: Tables,
  eventId: string,
  endpoint: EndpointRow | undefined,
  replayId: string,
  now: number,
): boolean {
  const event = tables.events.get(eventId)
  if (event === undefined || event.record.canceledAt !== null) return false
  if (endpoint === undefined || endpoint.deleted || event.deliveries.has(endpoint.record.id)) return false
  const dueAt = Math.max(now, event.record.deliverAt)
  insertDelivery(tables, event, { endpoint, dueAt, leaseUntil: null }, now, '', replayId)
  return true
}
