import type { DueLane, DueLanesInput } from 'hookferry/storage'
import { below, numberIn, under } from './keys.ts'
import type { TenantRow } from './rows.ts'
import type { Reader } from './store/store.ts'
import { firstKey } from './table.ts'
import { lanes, tenants } from './tables.ts'

/**
 * One lane of each tenant in turn, then the second lane of each, and so on. Tenants stand along `line`, the lanes of one along
 * `ready`, by the moment of their place. What is read is bounded by what is asked for: a tenant visited in vain has an excluded lane.
 */
export function dueLanes(db: Reader, { now, limit, exclude }: DueLanesInput): DueLane[] {
  const excluded = new Set(exclude)
  let lines = tenants
    .take(db, below(now + 1, 'line'), limit + exclude.length)
    .map((tenant) => lanesOf(db, tenant, now, excluded))
  const found: DueLane[] = []
  while (lines.length > 0) {
    const open: typeof lines = []
    for (const line of lines) {
      if (found.length >= limit) return found
      const { value, done } = line.next()
      if (done) continue
      found.push(value)
      open.push(line)
    }
    lines = open
  }
  return found
}

function* lanesOf(db: Reader, tenant: TenantRow, now: number, excluded: Set<string>): Generator<DueLane, undefined> {
  for (const { endpointId, health } of lanes.along(db, below(now + 1, 'ready', tenant.name))) {
    if (excluded.has(endpointId)) continue
    yield { endpointId, tenant: tenant.name, endpointsVersion: tenant.version, struggling: health.struggling }
  }
}

/** The first tenant in line, or the first lease to end. */
export function nextDueAt(db: Reader): number | null {
  const moments = [under('line'), under('leased')].map((range) => firstKey(db, range))
  const found = moments.flatMap((one) => (one === null ? [] : [numberIn(one, 1)]))
  return found.length === 0 ? null : Math.min(...found)
}
