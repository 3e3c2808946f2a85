import type { ExpiredLease } from '../../ports/storage.ts'
import { leaseOf } from './records.ts'
import type { Tables } from './tables.ts'

/** A right that ends at a moment is over from that moment on. */
export function expiredLeases(tables: Tables, { now, limit }: { now: number; limit: number }): ExpiredLease[] {
  const expired: ExpiredLease[] = []
  for (const row of tables.leased) {
    if (row.lease === null || row.lease.until > now) continue
    expired.push({ ...leaseOf(row, row.lease), worker: row.lease.worker, type: row.event.record.type })
  }
  return expired.sort((a, b) => a.until - b.until).slice(0, limit)
}
