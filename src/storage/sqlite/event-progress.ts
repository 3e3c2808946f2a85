import type { EventProgress } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'

type ProgressRow = EventRow & { key: number; endpointsVersion: number; endpointIds: string | null; fansOut: number }

export function eventProgress(
  db: Connection,
  { id, tenant }: { id: string; tenant: string | null },
): EventProgress | null {
  const row = db.get<ProgressRow>(
    `SELECT e.key, e.created_at AS createdAt, ${EVENT_COLUMNS}, e.fan_version AS endpointsVersion,
      e.endpoint_ids AS endpointIds, e.fan_cursor IS NOT NULL AS fansOut
    FROM {event} AS e CROSS JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.id = ?`,
    id,
  )
  if (row === undefined || (tenant !== null && row.tenant !== tenant)) return null
  return {
    event: eventOf(row),
    endpointIds: row.endpointIds === null ? null : (JSON.parse(row.endpointIds) as string[]),
    endpointsVersion: row.endpointsVersion,
    fanningOut: row.fansOut === 1,
    counts: countsOf(db, row.key),
  }
}

function countsOf(db: Connection, eventKey: number): EventProgress['counts'] {
  const counts = db.get<EventProgress['counts']>(
    `SELECT count(*) FILTER (WHERE state IN (0, 1, 5)) AS open, count(*) FILTER (WHERE state = 2) AS delivered,
      count(*) FILTER (WHERE state = 3) AS failed, count(*) FILTER (WHERE state = 4) AS canceled
    FROM {delivery} INDEXED BY {delivery_by_event} WHERE event_key = ?`,
    eventKey,
  )
  return counts ?? { open: 0, delivered: 0, failed: 0, canceled: 0 }
}
