import type { Lease } from '../../model/delivery.ts'
import { findDelivery } from './find-delivery.ts'
import { endLease, enqueue } from './lanes.ts'
import type { Tables } from './tables.ts'

export function releaseLeases(tables: Tables, { worker, leases }: { worker: string; leases: Lease[] }): void {
  for (const { deliveryId, claim } of leases) {
    const row = findDelivery(tables, deliveryId)
    if (row === undefined || row.lease?.worker !== worker || row.claim !== claim) continue
    endLease(tables, row)
    row.claim -= 1
    enqueue(row)
  }
}
