import type { Lease } from '../../model/delivery.ts'
import { cancel } from './cancel.ts'
import { findDelivery } from './find-delivery.ts'
import { endLease, enqueue } from './lanes.ts'
import type { Tables } from './tables.ts'

export function releaseLeases(
  tables: Tables,
  { now, worker, leases }: { now: number; worker: string; leases: Lease[] },
): void {
  for (const { deliveryId, claim } of leases) {
    const row = findDelivery(tables, deliveryId)
    if (row === undefined || row.lease?.worker !== worker || row.claim !== claim) continue
    endLease(tables, row)
    row.claim -= 1
    if (row.reason === 'event_canceled') cancel(row, row.reason, now)
    else enqueue(row)
  }
}
