import { statSync } from 'node:fs'
import type { StorageStats } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

const PENDING = 'SELECT 1 FROM {delivery} INDEXED BY {delivery_pending} WHERE state = 0'

const WAITING = 'SELECT 1 FROM {delivery} INDEXED BY {delivery_waiting} WHERE state = 5'

/**
 * Of those that wait for their turn, the ones in blocked lanes. Such a lane need not have a place in line, so that lanes are found
 * from what waits, by one step in the index for each.
 */
const HELD_WAITING = `
  SELECT 1 FROM (
    WITH RECURSIVE w (endpoint_key) AS (
      SELECT 0
      UNION ALL
      SELECT (
        SELECT d.endpoint_key FROM {delivery} AS d INDEXED BY {delivery_waiting}
        WHERE d.state = 5 AND d.endpoint_key > w.endpoint_key ORDER BY d.endpoint_key LIMIT 1)
      FROM w WHERE w.endpoint_key IS NOT NULL
    )
    SELECT endpoint_key FROM w
  ) AS w CROSS JOIN {lane} AS l ON l.endpoint_key = w.endpoint_key
    CROSS JOIN {delivery} AS d INDEXED BY {delivery_waiting} ON d.endpoint_key = w.endpoint_key
  WHERE (l.hold_at IS NOT NULL OR l.blocked_until > @now) AND d.state = 5`

export function stats(db: Connection, { now, countMax }: { now: number; countMax: number }): StorageStats {
  return {
    oldestDueAt: oldestDueAt(db, now, countMax),
    pending: count(db, `${PENDING} UNION ALL ${WAITING}`, countMax),
    held: heldCount(db, now, countMax),
    leased: count(db, 'SELECT 1 FROM {delivery} INDEXED BY {delivery_leased} WHERE state = 1', countMax),
    bytes: fileBytes(db) + walBytes(db),
  }
}

function count(db: Connection, rows: string, max: number, now = 0): number {
  return db.get<{ count: number }>(`SELECT count(*) AS count FROM (${rows} LIMIT @max)`, { max, now })?.count ?? 0
}

/** Over the lanes that are not blocked and hold something, `laneMax` of them at most. */
function oldestDueAt(db: Connection, now: number, laneMax: number): number | null {
  const row = db.get<{ at: number | null }>(
    `SELECT min((
      SELECT d.due_at FROM {delivery} AS d INDEXED BY {delivery_pending}
      WHERE d.endpoint_key = l.endpoint_key AND d.state = 0 ORDER BY d.due_at LIMIT 1)) AS at
    FROM (
      SELECT endpoint_key FROM {lane} INDEXED BY {lane_ready}
      WHERE ready_at IS NOT NULL AND blocked_until <= ? LIMIT ?) AS l`,
    now,
    laneMax,
  )
  return row === undefined || row.at === null || row.at > now ? null : row.at
}

/** Those of lanes held by their endpoint's state, and of lanes at rest. */
function heldCount(db: Connection, now: number, max: number): number {
  const pendingOf = (lanes: string) => `
    SELECT 1 FROM (${lanes}) AS l CROSS JOIN {delivery} AS d INDEXED BY {delivery_pending}
    WHERE d.endpoint_key = l.endpoint_key AND d.state = 0`
  const held = pendingOf('SELECT endpoint_key FROM {lane} INDEXED BY {lane_hold} WHERE hold_at IS NOT NULL')
  const resting = pendingOf(`
    SELECT endpoint_key FROM {lane} INDEXED BY {lane_ready} WHERE ready_at IS NOT NULL AND blocked_until > @now`)
  return count(db, `${held} UNION ALL ${resting} UNION ALL ${HELD_WAITING}`, max, now)
}

function fileBytes(db: Connection): number {
  const row = db.get<{ bytes: number }>(
    'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
  )
  return row?.bytes ?? 0
}

function walBytes(db: Connection): number {
  return statSync(`${db.path}-wal`, { throwIfNoEntry: false })?.size ?? 0
}
