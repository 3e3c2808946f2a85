import type { DueLane, DueLanesInput } from '../../ports/storage.ts'
import { readyAt } from './lanes.ts'
import type { EndpointRow, Tables, TenantRow } from './tables.ts'

/** A place in a line; the turn decides between claims made at the same moment. */
interface Place {
  at: number
  turn: number
}

/** A tenant with its due lanes, in the order of their line. */
interface TenantLine extends Place {
  lanes: (Place & { endpoint: EndpointRow })[]
}

/** One lane of each tenant in turn, then the second lane of each, and so on. */
export function dueLanes(tables: Tables, { now, limit, exclude }: DueLanesInput): DueLane[] {
  const lines = [...linesOf(tables, now, new Set(exclude)).values()].sort(byPlace)
  const found: DueLane[] = []
  const longest = Math.max(0, ...lines.map(({ lanes }) => lanes.length))
  for (let turn = 0; turn < longest; turn++) {
    for (const { lanes } of lines) {
      if (found.length >= limit) return found
      const lane = lanes[turn]
      if (lane !== undefined) found.push(dueLane(lane.endpoint))
    }
  }
  return found
}

function linesOf(tables: Tables, now: number, exclude: ReadonlySet<string>): Map<TenantRow, TenantLine> {
  const lines = new Map<TenantRow, TenantLine>()
  for (const endpoint of tables.endpoints.values()) {
    const ready = readyAt(endpoint)
    if (ready > now || exclude.has(endpoint.record.id)) continue
    const { lastClaim } = endpoint.lane
    const lane = { endpoint, at: Math.max(ready, lastClaim.at), turn: lastClaim.turn }
    const line = lines.get(endpoint.tenant)
    if (line === undefined) lines.set(endpoint.tenant, { at: 0, turn: endpoint.tenant.lastClaim.turn, lanes: [lane] })
    else line.lanes.push(lane)
  }
  for (const [tenant, line] of lines) {
    line.lanes.sort(byPlace)
    line.at = Math.max(tenant.lastClaim.at, line.lanes[0]?.at ?? 0)
  }
  return lines
}

function byPlace(a: Place, b: Place): number {
  return a.at - b.at || a.turn - b.turn
}

function dueLane({ record, tenant }: EndpointRow): DueLane {
  return {
    endpointId: record.id,
    tenant: tenant.name,
    endpointsVersion: tenant.version,
    struggling: record.health.struggling,
  }
}
