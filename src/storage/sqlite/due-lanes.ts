import type { DueLane, DueLanesInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'

interface TenantLine {
  key: number
  /** The lane taken last, by its place in line. */
  readyAt: number
  turn: number
  endpointKey: number
  lanes: DueLane[]
  ended: boolean
}

type LaneRow = Omit<DueLane, 'struggling'> & { struggling: number; readyAt: number; turn: number; endpointKey: number }

/**
 * One lane of each tenant in turn, then the second lane of each, and so on. What it reads is bounded by `limit` and the
 * number of excluded endpoints: a tenant that is visited in vain has an excluded lane.
 */
export function dueLanes(db: Connection, { now, limit, exclude }: DueLanesInput): DueLane[] {
  const skipped = new Set(exclude)
  const lines = dueTenants(db, now, limit + exclude.length)
  let found = 0
  let open = lines
  while (open.length > 0 && found < limit) {
    // As many turns at once as there is surely room for; the last turn may end half-way.
    const turns = Math.max(1, Math.floor((limit - found) / open.length))
    for (const line of open) {
      if (found < limit) found += advance(db, line, turns, now, skipped)
    }
    open = open.filter((line) => !line.ended)
  }
  return inTurn(lines)
}

function dueTenants(db: Connection, now: number, limit: number): TenantLine[] {
  return db
    .all<{ key: number }>(
      `SELECT key FROM {tenant} INDEXED BY {tenant_ready} WHERE ready_at <= ? ORDER BY ready_at, claimed_turn, key LIMIT ?`,
      now,
      limit,
    )
    .map(({ key }) => ({ key, readyAt: Number.MIN_SAFE_INTEGER, turn: 0, endpointKey: 0, lanes: [], ended: false }))
}

/** Takes up to `count` more lanes of one tenant; returns how many it took. */
function advance(db: Connection, line: TenantLine, count: number, now: number, skipped: Set<string>): number {
  const rows = db.iterate<LaneRow>(
    `SELECT l.ready_at AS readyAt, l.claimed_turn AS turn, l.endpoint_key AS endpointKey, e.id AS endpointId, t.name AS tenant,
      t.version AS endpointsVersion, l.struggling
    FROM {tenant} AS t CROSS JOIN {lane} AS l INDEXED BY {lane_ready} ON l.tenant_key = t.key
      CROSS JOIN {endpoint} AS e ON e.key = l.endpoint_key
    WHERE t.key = ? AND l.ready_at <= ? AND (l.ready_at, l.claimed_turn, l.endpoint_key) > (?, ?, ?)
    ORDER BY l.ready_at, l.claimed_turn, l.endpoint_key`,
    line.key,
    now,
    line.readyAt,
    line.turn,
    line.endpointKey,
  )
  let taken = 0
  for (const { readyAt, turn, endpointKey, struggling, ...lane } of rows) {
    line.readyAt = readyAt
    line.turn = turn
    line.endpointKey = endpointKey
    if (skipped.has(lane.endpointId)) continue
    line.lanes.push({ ...lane, struggling: struggling === 1 })
    if (++taken === count) return taken
  }
  line.ended = true
  return taken
}

function inTurn(lines: TenantLine[]): DueLane[] {
  const result: DueLane[] = []
  const longest = Math.max(0, ...lines.map(({ lanes }) => lanes.length))
  for (let turn = 0; turn < longest; turn++) {
    for (const { lanes } of lines) {
      const lane = lanes[turn]
      if (lane !== undefined) result.push(lane)
    }
  }
  return result
}
