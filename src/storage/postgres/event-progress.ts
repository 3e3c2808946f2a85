import type { EventProgress } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'
import { stateOf } from './rows.ts'

interface ProgressRow extends EventRow {
  key: number
  endpointIds: string | null
  endpointsVersion: number
  fanningOut: boolean
}

export async function eventProgress(
  db: Connection,
  { id, tenant }: { id: string; tenant: string | null },
): Promise<EventProgress | null> {
  const row = await db.get<ProgressRow>(
    `SELECT e.key, e.created_at AS "createdAt", ${EVENT_COLUMNS}, e.endpoint_ids AS "endpointIds",
      e.fan_version AS "endpointsVersion", e.fan_cursor IS NOT NULL AS "fanningOut"
    FROM {event} AS e WHERE e.id = $1`,
    id,
  )
  if (row === undefined || (tenant !== null && row.tenant !== tenant)) return null
  const { endpointIds, endpointsVersion, fanningOut } = row
  return {
    event: eventOf(row),
    endpointIds: endpointIds === null ? null : (JSON.parse(endpointIds) as string[]),
    endpointsVersion,
    fanningOut,
    counts: await countsOf(db, row.key),
  }
}

/** The OFFSET keeps the planner from counting along an index of one state. */
async function countsOf(db: Connection, eventKey: number): Promise<EventProgress['counts']> {
  const rows = await db.all<{ state: number; count: number }>(
    `SELECT state, count(*) AS count FROM (SELECT state FROM {delivery} WHERE event_key = $1 OFFSET 0) AS d
    GROUP BY state`,
    eventKey,
  )
  const counts = { open: 0, delivered: 0, failed: 0, canceled: 0 }
  for (const { state: number, count } of rows) {
    const state = stateOf(number)
    counts[state === 'pending' || state === 'leased' ? 'open' : state] += count
  }
  return counts
}
