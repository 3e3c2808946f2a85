import type { CancelEventInput, CanceledEvent } from '../../ports/storage.ts'
import { CANCEL_COLUMNS, type CancelRow, cancel, passTurns } from './cancel.ts'
import type { Connection } from './connection.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'
import { passFanOut } from './fan-out-turns.ts'
import { Lanes } from './lanes.ts'
import { JOINED } from './scan.ts'

type FoundEvent = EventRow & { key: number; tenantKey: number; fansOut: number }

export function cancelEvent(db: Connection, { id, tenant, now, limit }: CancelEventInput): CanceledEvent | null {
  const event = db.get<FoundEvent>(
    `SELECT e.key, e.created_at AS createdAt, e.tenant_key AS tenantKey, e.fan_cursor IS NOT NULL AS fansOut, ${EVENT_COLUMNS}
    FROM {event} AS e CROSS JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.id = ?`,
    id,
  )
  if (event === undefined || (tenant !== null && event.tenant !== tenant)) return null
  if (event.canceledAt === null) mark(db, event, now)
  // Also those that were leased since an earlier call.
  db.run(
    `UPDATE {delivery} INDEXED BY {delivery_by_event} SET reason = 'event_canceled'
    WHERE event_key = ? AND state = 1 AND reason IS NULL`,
    event.key,
  )
  const lanes = new Lanes(db, now)
  const canceled = pendingOf(db, event.key, limit).map((row) => {
    const record = cancel(db, row, 'event_canceled', now)
    const lane = lanes.find(row.endpointId)
    if (lane === undefined) throw new Error(`endpoint ${row.endpointId} has no lane`)
    passTurns(db, lanes, lane, [row])
    lanes.refresh(lane)
    return record
  })
  lanes.flush()
  return { event: { ...eventOf(event), canceledAt: event.canceledAt ?? now }, canceled }
}

/** With it its fan-out is over. */
function mark(db: Connection, { key, tenantKey, orderingKey, fansOut }: FoundEvent, now: number): void {
  db.run(
    `UPDATE {event} SET canceled_at = @now, fan_cursor = NULL, fan_waits = 0,
      bare = NOT EXISTS (SELECT 1 FROM {delivery} INDEXED BY {delivery_by_event} WHERE event_key = @key)
    WHERE key = @key`,
    { key, now },
  )
  if (fansOut === 1 && orderingKey !== null) passFanOut(db, tenantKey, orderingKey)
}

/** Those that wait for their turn, too. An event has one delivery in each lane. */
function pendingOf(db: Connection, eventKey: number, limit: number): CancelRow[] {
  return db.all<CancelRow>(
    `SELECT ${CANCEL_COLUMNS} FROM {delivery} AS d INDEXED BY {delivery_by_event} ${JOINED}
    WHERE d.event_key = ? AND d.state IN (0, 5) ORDER BY d.created_at, d.key LIMIT ?`,
    eventKey,
    limit,
  )
}
