import type { StorageStats } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

/** Each by an index of its own. */
const PENDING = 'SELECT 1 FROM {delivery} WHERE state = 0'
const WAITING = 'SELECT 1 FROM {delivery} WHERE state = 5'

export async function stats(
  db: Connection,
  { now, countMax }: { now: number; countMax: number },
): Promise<StorageStats> {
  return {
    oldestDueAt: await oldestDueAt(db, now, countMax),
    pending: await count(db, `${PENDING} UNION ALL ${WAITING}`, countMax),
    held: await heldCount(db, now, countMax),
    leased: await count(db, 'SELECT 1 FROM {delivery} WHERE state = 1', countMax),
    bytes: await bytes(db),
  }
}

async function count(db: Connection, rows: string, max: number, ...values: number[]): Promise<number> {
  const row = await db.get<{ count: number }>(`SELECT count(*) AS count FROM (${rows} LIMIT $1) AS r`, max, ...values)
  return row?.count ?? 0
}

/** Over the lanes that are not blocked and hold something, `laneMax` of them at most. */
async function oldestDueAt(db: Connection, now: number, laneMax: number): Promise<number | null> {
  const row = await db.get<{ at: number | null }>(
    `SELECT min((
      SELECT d.due_at FROM {delivery} AS d WHERE d.endpoint_key = l.endpoint_key AND d.state = 0
      ORDER BY d.due_at, d.key LIMIT 1)) AS at
    FROM (SELECT endpoint_key FROM {lane} WHERE ready_at IS NOT NULL AND blocked_until <= $1 LIMIT $2) AS l`,
    now,
    laneMax,
  )
  return row === undefined || row.at === null || row.at > now ? null : row.at
}

/** Those of lanes held by their endpoint's state, and of lanes at rest. */
function heldCount(db: Connection, now: number, max: number): Promise<number> {
  const pendingOf = (lanes: string) => `
    SELECT 1 FROM {lane} AS l CROSS JOIN LATERAL (
      (${PENDING} AND endpoint_key = l.endpoint_key LIMIT $1) UNION ALL
      (${WAITING} AND endpoint_key = l.endpoint_key LIMIT $1)) AS d
    WHERE ${lanes}`
  const held = pendingOf('l.hold_at IS NOT NULL')
  const resting = pendingOf(`l.blocked_until > $2 AND l.blocked_until > 0 AND l.hold_at IS NULL`)
  return count(db, `${held} UNION ALL ${resting}`, max, now)
}

async function bytes(db: Connection): Promise<number> {
  const { schema, tablePrefix } = db.settings
  const row = await db.get<{ bytes: number | null }>(
    `SELECT sum(pg_total_relation_size(c.oid)) AS bytes FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind = 'r' AND starts_with(c.relname, $2)`,
    schema,
    tablePrefix,
  )
  return row?.bytes ?? 0
}
