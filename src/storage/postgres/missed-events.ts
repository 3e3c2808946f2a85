import type { MissedEvents, MissedEventsQuery, Position } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { type Examined, firstChunk, inChunks, takePage } from './page.ts'

interface Row extends Examined {
  id: string
  type: string
  endpointIds: string | null
}

/**
 * Oldest first, along the events of the endpoint's tenant. An event that is committed later stands where its transaction wrote it:
 * it is found as long as the page has not come past that.
 */
export async function missedEvents(db: Connection, query: MissedEventsQuery): Promise<MissedEvents> {
  const { selection, after, bound, limit, examine } = query
  const { tenant, eventId, type = null, since = 0, until = Number.MAX_SAFE_INTEGER } = selection
  const endpoint = await findAddressee(db, selection.endpointId)
  if (endpoint === undefined || (tenant !== undefined && tenant !== endpoint.tenant)) return { events: [], next: null }

  const start = after === null || after.at < since ? { at: since, key: 0 } : after
  const last = Math.min(until - 1, bound?.at ?? Number.MAX_SAFE_INTEGER)
  const sql = missedSql(eventId === undefined ? '' : 'id = $9 AND')
  const ids = eventId === undefined ? [] : [eventId]
  const rows = inChunks<Row>(start, firstChunk({ limit, examine, after }), ({ at, key }: Position, size: number) => {
    const lastKey = bound?.key ?? Number.MAX_SAFE_INTEGER
    return db.all<Row>(sql, endpoint.tenant, at, key, last, size, type, endpoint.key, lastKey, ...ids)
  })
  const { items, next } = await takePage(rows, { limit, examine, after }, ({ id, type, endpointIds }) => ({
    id,
    type,
    endpointIds: endpointIds === null ? null : (JSON.parse(endpointIds) as string[]),
  }))
  return { events: items, next }
}

/** Events are found in the order of one index, and then looked up among the deliveries one by one. */
function missedSql(where: string): string {
  return `
    SELECT e.key, e.created_at AS "createdAt", e.id, e.type, e.endpoint_ids AS "endpointIds",
      ($6::text IS NULL OR e.type = $6) AND e.key <= $8 AND e.canceled_at IS NULL AND d.key IS NULL AS matches
    FROM (
      SELECT key, created_at, canceled_at, id, type, endpoint_ids FROM {event}
      WHERE ${where} tenant = (SELECT $1::text) AND (created_at, key) > ($2, $3) AND created_at <= $4
      ORDER BY created_at, key LIMIT $5) AS e
      LEFT JOIN {delivery} AS d ON d.event_key = e.key AND d.endpoint_key = $7
    ORDER BY e.created_at, e.key`
}

function findAddressee(db: Connection, endpointId = ''): Promise<{ key: number; tenant: string } | undefined> {
  return db.get(
    `SELECT p.key, t.name AS tenant FROM {endpoint} AS p JOIN {tenant} AS t ON t.key = p.tenant_key
    WHERE p.id = $1 AND p.deleted_at IS NULL`,
    endpointId,
  )
}
