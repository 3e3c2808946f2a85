import type { EventSummary } from '../../model/event.ts'
import type { CancelEventInput, CanceledEvent } from '../../ports/storage.ts'
import { type Connection, Overtaken } from './connection.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, deliveryOf } from './deliveries.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'
import { Lanes } from './lanes.ts'
import { stateNumber } from './rows.ts'
import { JOINED } from './scan.ts'
import { promote } from './turns.ts'

type OpenRow = DeliveryRow & { endpointKey: number; orderingKey: string | null }

/** As many as others may claim while this waits for lanes. */
const SPARE = 100

/**
 * The event is locked first, so that no slice of its fan-out and no backfill adds a delivery beside this or after it; then the
 * lanes, so that none is claimed or becomes pending again: what is leased then is marked, and canceled by whoever gives it back.
 */
export async function cancelEvent(
  db: Connection,
  { id, tenant, now, limit }: CancelEventInput,
): Promise<CanceledEvent | null> {
  const found = await db.get<{ key: number }>(
    'SELECT key FROM {event} WHERE id = $1 AND ($2::text IS NULL OR tenant = $2) FOR UPDATE',
    id,
    tenant,
  )
  if (found === undefined) return null
  const event = await endFanOut(db, found.key, now)
  const { pending, leased, endpointIds } = await findOpen(db, found.key, limit + SPARE)
  const lanes = new Lanes(db, now)
  await lanes.lock(endpointIds)
  const open = await lockOpen(db, [...pending, ...leased])
  const isLeased = ({ state }: OpenRow) => state === stateNumber('leased')
  const canceled = open.filter((row) => !isLeased(row)).slice(0, limit)
  if (canceled.length < limit && pending.length === limit + SPARE) {
    throw new Overtaken('others have claimed what was to be canceled')
  }
  await mark(db, open.filter(isLeased), canceled, now)
  await makeWay(db, lanes, canceled)
  const ended = { state: stateNumber('canceled'), reason: 'event_canceled' as const, endedAt: now }
  return { event, canceled: canceled.map((row) => deliveryOf({ ...row, ...ended })) }
}

/** The moment of the first cancellation stays. */
async function endFanOut(db: Connection, key: number, now: number): Promise<EventSummary> {
  const row = await db.get<EventRow>(
    `UPDATE {event} AS e SET canceled_at = coalesce(e.canceled_at, $2::bigint), fan_cursor = NULL,
      bare = NOT EXISTS (SELECT 1 FROM {delivery} WHERE event_key = $1)
    WHERE e.key = $1 RETURNING e.created_at AS "createdAt", ${EVENT_COLUMNS}`,
    key,
    now,
  )
  if (row === undefined) throw new Error(`no event ${key}`)
  return eventOf(row)
}

interface Open {
  /** Keys of those that are pending, with a turn or without; oldest first, up to a limit. */
  pending: number[]
  leased: number[]
  endpointIds: string[]
}

/** Seen without a lock. */
async function findOpen(db: Connection, eventKey: number, limit: number): Promise<Open> {
  const rows = await db.all<{ key: number; leased: boolean; endpointId: string }>(
    `WITH own AS MATERIALIZED (
      SELECT key, created_at, endpoint_key, state FROM {delivery} WHERE event_key = $1 OFFSET 0)
    SELECT d.key, d.state = 1 AS leased, p.id AS "endpointId"
    FROM (
      (SELECT * FROM own WHERE state IN (0, 5) ORDER BY created_at, key LIMIT $2)
      UNION ALL SELECT * FROM own WHERE state = 1) AS d JOIN {endpoint} AS p ON p.key = d.endpoint_key`,
    eventKey,
    limit,
  )
  return {
    pending: rows.filter(({ leased }) => !leased).map(({ key }) => key),
    leased: rows.filter(({ leased }) => leased).map(({ key }) => key),
    endpointIds: rows.map(({ endpointId }) => endpointId),
  }
}

/** Under the locks of their lanes. Those that came to rest meanwhile are left out. */
function lockOpen(db: Connection, keys: number[]): Promise<OpenRow[]> {
  return db.all<OpenRow>(
    `SELECT d.key, d.created_at AS "createdAt", d.endpoint_key AS "endpointKey", d.ordering_key AS "orderingKey",
      ${DELIVERY_COLUMNS}
    FROM {delivery} AS d ${JOINED}
    WHERE d.key = ANY($1::bigint[]) AND d.state IN (0, 1, 5) ORDER BY d.key FOR UPDATE OF d`,
    keys,
  )
}

async function mark(db: Connection, leased: OpenRow[], canceled: OpenRow[], now: number): Promise<void> {
  await db.run(
    `UPDATE {delivery} SET reason = 'event_canceled', state = CASE WHEN state = 1 THEN 1 ELSE 4 END,
      ended_at = CASE WHEN state = 1 THEN NULL ELSE $1::bigint END
    WHERE key = ANY($2::bigint[])`,
    now,
    [...leased, ...canceled].map(({ key }) => key),
  )
}

/** Where one that waited is canceled its head stays, and nobody's turn comes. */
async function makeWay(db: Connection, lanes: Lanes, canceled: OpenRow[]): Promise<void> {
  const turns = canceled.flatMap(({ endpointKey, orderingKey, state }) =>
    orderingKey !== null && state === stateNumber('pending') ? [{ endpointKey, orderingKey }] : [],
  )
  await promote(db, turns, null)
  for (const { endpointId } of canceled) {
    const lane = lanes.find(endpointId)
    if (lane !== undefined) lanes.refresh(lane)
  }
  await lanes.flush()
}
