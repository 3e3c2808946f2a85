import type { DueLane, DueLanesInput } from '../../ports/storage.ts'
import { batchOf } from './batch.ts'
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

type LaneRow = DueLane & { ord: number; readyAt: number; turn: number; endpointKey: number }

const LINES = batchOf<TenantLine>({
  tenant_key: ['bigint', (line) => line.key],
  ready_at: ['bigint', (line) => line.readyAt],
  turn: ['bigint', (line) => line.turn],
  endpoint_key: ['bigint', (line) => line.endpointKey],
})

/**
 * One lane of each tenant in turn, then the second lane of each, and so on. What it reads is bounded by `limit` and the
 * number of excluded endpoints: a tenant that is visited in vain has an excluded lane.
 */
export async function dueLanes(db: Connection, { now, limit, exclude }: DueLanesInput): Promise<DueLane[]> {
  const lines = await dueTenants(db, now, limit + exclude.length)
  let found = 0
  let open = lines
  while (open.length > 0 && found < limit) {
    // As many turns at once as there is surely room for; the last turn may end half-way.
    const turns = Math.max(1, Math.floor((limit - found) / open.length))
    found += await advance(db, open, turns, now, exclude)
    open = open.filter((line) => !line.ended)
  }
  return inTurn(lines).slice(0, limit)
}

async function dueTenants(db: Connection, now: number, limit: number): Promise<TenantLine[]> {
  const rows = await db.all<{ key: number }>(
    `SELECT tenant_key AS key FROM {line} WHERE ready_at <= $1
    ORDER BY ready_at, claimed_turn, tenant_key LIMIT $2`,
    now,
    limit,
  )
  return rows.map(({ key }) => ({ key, readyAt: -1, turn: 0, endpointKey: 0, lanes: [], ended: false }))
}

/** Takes up to `count` more lanes of each tenant; returns how many it took in all. */
async function advance(
  db: Connection,
  lines: TenantLine[],
  count: number,
  now: number,
  exclude: readonly string[],
): Promise<number> {
  const rows = await db.all<LaneRow>(
    `SELECT i.ord, l.ready_at AS "readyAt", l.claimed_turn AS turn, l.endpoint_key AS "endpointKey",
      l.id AS "endpointId", t.name AS tenant, t.version AS "endpointsVersion", l.struggling
    FROM ${LINES.from('i', 4)} JOIN {tenant} AS t ON t.key = i.tenant_key CROSS JOIN LATERAL (
      SELECT w.ready_at, w.claimed_turn, w.endpoint_key, w.struggling, p.id
      FROM {lane} AS w JOIN {endpoint} AS p ON p.key = w.endpoint_key
      WHERE w.tenant_key = i.tenant_key AND w.ready_at <= $1
        AND (w.ready_at, w.claimed_turn, w.endpoint_key) > (i.ready_at, i.turn, i.endpoint_key)
        AND p.id <> ALL($3::text[])
      ORDER BY w.ready_at, w.claimed_turn, w.endpoint_key LIMIT $2) AS l
    ORDER BY i.ord, l.ready_at, l.claimed_turn, l.endpoint_key`,
    now,
    count,
    exclude,
    ...LINES.values(lines),
  )
  const taken = new Map<TenantLine, number>()
  for (const { ord, readyAt, turn, endpointKey, ...lane } of rows) {
    const line = lines[ord - 1]
    if (line === undefined) throw new Error(`no line ${ord}`)
    Object.assign(line, { readyAt, turn, endpointKey })
    line.lanes.push(lane)
    taken.set(line, (taken.get(line) ?? 0) + 1)
  }
  for (const line of lines) line.ended = (taken.get(line) ?? 0) < count
  return rows.length
}

function inTurn(lines: TenantLine[]): DueLane[] {
  const result: DueLane[] = []
  const longest = lines.reduce((most, { lanes }) => Math.max(most, lanes.length), 0)
  for (let turn = 0; turn < longest; turn++) {
    for (const { lanes } of lines) {
      const lane = lanes[turn]
      if (lane !== undefined) result.push(lane)
    }
  }
  return result
}
