import type { StorageStats } from '../../ports/storage.ts'
import { isBlocked } from './lanes.ts'
import type { Tables } from './tables.ts'

export function stats(tables: Tables, { now, countMax }: { now: number; countMax: number }): StorageStats {
  let oldestDueAt = Number.POSITIVE_INFINITY
  let pending = 0
  let held = 0
  for (const endpoint of tables.endpoints.values()) {
    const { first } = endpoint.lane.pending
    const size = endpoint.lane.pending.size + endpoint.lane.waiting.size
    const blocked = isBlocked(endpoint, now)
    pending += size
    if (blocked) held += size
    else oldestDueAt = Math.min(oldestDueAt, first?.dueAt ?? oldestDueAt)
  }
  return {
    oldestDueAt: oldestDueAt <= now ? oldestDueAt : null,
    pending: Math.min(pending, countMax),
    held: Math.min(held, countMax),
    leased: tables.leased.size,
    bytes: tables.bytes,
  }
}
