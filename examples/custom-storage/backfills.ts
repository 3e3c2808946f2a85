import type { BackfillInput, MissedEvents, MissedEventsQuery, ReplayRecord } from 'hookferry/storage'
import { insertDelivery } from './insert-delivery.ts'
import { key } from './keys.ts'
import { pageOf, rangeUp } from './page.ts'
import type { EndpointRow, EventRow } from './rows.ts'
import type { Reader, Writer } from './store/store.ts'
import { endpoints, events, replays } from './tables.ts'

/** Along the events of the endpoint's tenant. */
export function missedEvents(db: Reader, { selection, after, bound, limit, examine }: MissedEventsQuery): MissedEvents {
  const { tenant, eventId, type, since, until = Infinity } = selection
  const endpoint = findEndpoint(db, selection.endpointId)
  if (endpoint === undefined) return { events: [], next: null }

  const own = ['events-of', endpoint.record.tenant]
  const range = rangeUp(own, { after, since, until: Math.min(until, (bound?.at ?? Infinity) + 1) })
  const isMissed = ({ record, key: number }: EventRow) =>
    number <= (bound?.key ?? Infinity) &&
    (tenant === undefined || record.tenant === tenant) &&
    (eventId === undefined || record.id === eventId) &&
    (type === undefined || record.type === type) &&
    canHave(db, record, endpoint)
  const { items, next } = pageOf(
    events.along(db, range),
    { limit, examine, after },
    {
      placeOf: ({ record, key }) => ({ at: record.createdAt, key }),
      matches: isMissed,
      record: ({ record: { id, type }, endpointIds }) => ({ id, type, endpointIds }),
    },
  )
  return { events: items, next }
}

/** The cursor passes each event once; where another has moved it, this very page may be written already. */
export function insertBackfill(db: Writer, { replayId, now, from, to, eventIds }: BackfillInput): ReplayRecord | null {
  const replay = replays.find(db, replayId)
  if (replay === undefined) return null
  const { record } = replay
  const { state, cursor, selection } = record
  if (state !== 'running' || cursor.at !== from.at || cursor.key !== from.key) return record

  const endpoint = findEndpoint(db, selection.endpointId)
  const written = eventIds.filter((id) => backfill(db, id, endpoint, replayId, now)).length
  const next: ReplayRecord = {
    ...record,
    requeued: record.requeued + written,
    skipped: record.skipped + eventIds.length - written,
    ...(to === null ? { state: 'completed', endedAt: now } : { cursor: to }),
  }
  replays.put(db, { ...replay, record: next })
  return next
}

/** True: it is written. The event counts it, and is no longer one without deliveries. */
function backfill(
  db: Writer,
  eventId: string,
  endpoint: EndpointRow | undefined,
  replayId: string,
  now: number,
): boolean {
  const event = events.find(db, eventId)
  if (event === undefined || endpoint === undefined || !canHave(db, event.record, endpoint)) return false
  const endpointId = endpoint.record.id
  const dueAt = Math.max(now, event.record.deliverAt)
  insertDelivery(db, event, { endpointId, dueAt, leaseUntil: null }, now, '', replayId)
  events.put(db, event)
  return true
}

/** Not canceled, and without a delivery for this endpoint. */
function canHave(db: Reader, { id, canceledAt }: EventRow['record'], endpoint: EndpointRow): boolean {
  return canceledAt === null && db.get(key('once', id, endpoint.record.id)) === undefined
}

/** Never a deleted one. */
function findEndpoint(db: Reader, id = ''): EndpointRow | undefined {
  const row = endpoints.find(db, id)
  return row?.deleted === false ? row : undefined
}
