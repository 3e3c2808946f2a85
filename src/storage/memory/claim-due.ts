import type { ClaimedDelivery, ClaimInput } from '../../ports/storage.ts'
import { isBlocked, lease, moveToEnd } from './lanes.ts'
import { eventContent, leaseOf } from './records.ts'
import type { Tables } from './tables.ts'

export function claimDue(tables: Tables, { now, worker, room, defer }: ClaimInput): ClaimedDelivery[] {
  const claimed: ClaimedDelivery[] = []
  for (const { endpointId, limit, leaseUntil } of room) {
    const endpoint = tables.endpoints.get(endpointId)
    if (endpoint === undefined || isBlocked(endpoint, now)) continue
    const due = endpoint.lane.pending.take(limit, (row) => row.dueAt <= now)
    if (due.length === 0) continue
    const terms = { worker, leasedAt: now, until: leaseUntil }
    for (const row of due) {
      lease(tables, row, terms)
      claimed.push({ lease: leaseOf(row, terms), event: eventContent(row) })
    }
    moveToEnd(tables, endpoint.lane, now)
    moveToEnd(tables, endpoint.tenant, now)
  }
  for (const { endpointId, until } of defer) {
    const endpoint = tables.endpoints.get(endpointId)
    if (endpoint !== undefined) endpoint.lane.deferredUntil = until
  }
  return claimed
}
