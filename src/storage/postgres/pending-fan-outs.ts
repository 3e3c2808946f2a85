import type { FanOut } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

interface FanOutRow extends Omit<FanOut, 'event' | 'endpointIds'> {
  key: number
  createdAt: number
  id: string
  tenant: string
  type: string
  deliverAt: number
  endpointIds: string | null
}

/** Of the oldest, how many are looked at for each that is wanted. */
const LOOK = 4
/** Ordering keys that are visited where the oldest are many of a few keys. */
const KEYS_MAX = 100

const COLUMNS = `f.key, f.created_at AS "createdAt", f.id, f.tenant, f.type, coalesce(f.deliver_at, f.created_at) AS "deliverAt",
  f.fan_version AS "endpointsVersion", f.endpoint_ids AS "endpointIds", f.fan_cursor AS cursor`

/** The oldest, or the first of its ordering key instead of it: so one at least is found where there is any. */
const OF_THE_OLDEST = `
  SELECT ${COLUMNS}
  FROM (
    SELECT key, tenant, ordering_key FROM {event} WHERE fan_cursor IS NOT NULL ORDER BY created_at, key LIMIT $1) AS e
    CROSS JOIN LATERAL (
      SELECT coalesce((
        SELECT key FROM {event}
        WHERE tenant = e.tenant AND ordering_key = e.ordering_key AND fan_cursor IS NOT NULL AND ordering_key IS NOT NULL
        ORDER BY key LIMIT 1), e.key) AS key) AS first
    JOIN {event} AS f ON f.key = first.key`

/** From key to key, however many events each of them has. */
const OF_EACH_KEY = `
  WITH RECURSIVE turns AS (
    (SELECT tenant, ordering_key, key FROM {event} WHERE fan_cursor IS NOT NULL AND ordering_key IS NOT NULL
    ORDER BY tenant, ordering_key, key LIMIT 1)
    UNION ALL
    SELECT n.tenant, n.ordering_key, n.key FROM turns AS t CROSS JOIN LATERAL (
      SELECT tenant, ordering_key, key FROM {event}
      WHERE fan_cursor IS NOT NULL AND ordering_key IS NOT NULL
        AND (tenant, ordering_key) > (t.tenant, t.ordering_key)
      ORDER BY tenant, ordering_key, key LIMIT 1) AS n)
  SELECT ${COLUMNS} FROM (SELECT key FROM turns LIMIT $1) AS t JOIN {event} AS f ON f.key = t.key`

const UNORDERED = `
  SELECT ${COLUMNS} FROM {event} AS f WHERE fan_cursor IS NOT NULL AND ordering_key IS NULL
  ORDER BY created_at, key LIMIT $1`

/**
 * Exactly the oldest, unless most of those that wait are behind others of a few ordering keys: then what has another
 * key, or none, is found beside them, so that one long queue keeps only its own key waiting.
 */
export async function pendingFanOuts(db: Connection, { limit }: { limit: number }): Promise<FanOut[]> {
  const found = new Map<number, FanOutRow>()
  const look = limit * LOOK
  const add = async (sql: string, max: number) => {
    const rows = await db.all<FanOutRow>(sql, max)
    for (const row of rows) found.set(row.key, row)
    return rows.length
  }
  const crowded = (await add(OF_THE_OLDEST, look)) === look && found.size < limit
  if (crowded) {
    await add(OF_EACH_KEY, KEYS_MAX)
    await add(UNORDERED, limit)
  }
  const oldest = [...found.values()].sort((a, b) => a.createdAt - b.createdAt || a.key - b.key)
  return oldest.slice(0, limit).map(({ id, tenant, type, deliverAt, endpointsVersion, endpointIds, cursor }) => ({
    event: { id, tenant, type, deliverAt },
    endpointsVersion,
    endpointIds: endpointIds === null ? null : (JSON.parse(endpointIds) as string[]),
    cursor,
  }))
}
