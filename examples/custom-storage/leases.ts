import type { ClaimedDelivery, ClaimInput, ExpiredLease, Lease } from 'hookferry/storage'
import { cancel } from './cancel.ts'
import { below } from './keys.ts'
import { changeLane, dueRange, isBlocked, moveToEnd, saveDelivery } from './lanes.ts'
import { deliveryKey, eventContent, leaseOf } from './records.ts'
import type { Reader, Writer } from './store/store.ts'
import { deliveries, lanes } from './tables.ts'

export function claimDue(db: Writer, { now, worker, room, defer }: ClaimInput): ClaimedDelivery[] {
  const claimed: ClaimedDelivery[] = []
  for (const { endpointId, limit, leaseUntil } of room) {
    const lane = lanes.find(db, endpointId)
    if (lane === undefined || isBlocked(lane, now)) continue
    const rows = deliveries.take(db, dueRange(endpointId, now), limit)
    for (const row of rows) {
      const lease = { worker, leasedAt: now, until: leaseUntil }
      const leased = { ...row, state: 'leased' as const, claim: row.claim + 1, lease }
      saveDelivery(db, leased, now)
      claimed.push({ lease: leaseOf(leased, lease), event: eventContent(db, row.eventId) })
    }
    if (rows.length > 0) moveToEnd(db, lane, now)
  }
  for (const { endpointId, until } of defer) {
    if (lanes.find(db, endpointId) !== undefined) changeLane(db, endpointId, now, { deferredUntil: until })
  }
  return claimed
}

/** `dueAt` is as it was before the claim, and so is the claim number. One whose event was canceled meanwhile ends here. */
export function releaseLeases(db: Writer, input: { now: number; worker: string; leases: Lease[] }): void {
  for (const { deliveryId, claim } of input.leases) {
    const row = deliveries.find(db, deliveryKey(deliveryId))
    if (row === undefined || row.lease?.worker !== input.worker || row.claim !== claim) continue
    const released = { ...row, state: 'pending' as const, claim: claim - 1, lease: null }
    if (row.reason === 'event_canceled') cancel(db, released, row.reason, input.now)
    else saveDelivery(db, released, input.now)
  }
}

/** A right that ends at a moment is over from that moment on. */
export function expiredLeases(db: Reader, { now, limit }: { now: number; limit: number }): ExpiredLease[] {
  return deliveries.take(db, below(now + 1, 'leased'), limit).flatMap((row) => {
    const { lease, type } = row
    return lease === null ? [] : [{ ...leaseOf(row, lease), worker: lease.worker, type }]
  })
}
