import { type EndpointRecord, HEALTHY } from '../../model/endpoint.ts'
import type { StateChange } from '../../ports/storage.ts'
import { change, copyOf, findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

export function changeEndpointState(
  tables: Tables,
  { from, to, reason, guard, now, ...which }: StateChange,
): EndpointRecord | null {
  const row = findEndpoint(tables, which)
  if (row === undefined || !from.includes(row.record.state)) return null
  if (guard !== null && !isUnchanged(row.record, guard)) return null

  const enabled = row.record.state === 'disabled' && to !== 'disabled'
  change(row, {
    state: to,
    stateReason: reason,
    stateChangedAt: now,
    updatedAt: now,
    // As if it had just succeeded: a verdict about what was before does not apply any more.
    health: enabled ? { ...HEALTHY, recoveredAt: now } : row.record.health,
  })
  if (enabled) row.lane.blockedUntil = 0
  row.lane.heldSince = to === 'active' ? null : (row.lane.heldSince ?? now)
  return copyOf(row)
}

function isUnchanged(
  { urlVersion, health }: EndpointRecord,
  guard: { urlVersion: number; recoveredAt: number | null },
): boolean {
  return urlVersion === guard.urlVersion && health.recoveredAt === guard.recoveredAt
}
