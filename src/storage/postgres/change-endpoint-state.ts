import type { EndpointRecord } from '../../model/endpoint.ts'
import type { StateChange } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findEndpoint } from './endpoints.ts'
import { type Lane, Lanes } from './lanes.ts'
import { lockTenantOf, nextVersion } from './tenants.ts'

export async function changeEndpointState(db: Connection, change: StateChange): Promise<EndpointRecord | null> {
  const { id, tenant, from, to, reason, now, guard } = change
  await lockTenantOf(db, id)
  const lanes = new Lanes(db, now)
  await lanes.lock([id])
  const lane = lanes.find(id)
  const row = await findEndpoint(db, { id, tenant })
  if (row === undefined || lane === undefined || !from.includes(row.state)) return null
  if (guard !== null && (guard.urlVersion !== row.urlVersion || guard.recoveredAt !== row.recoveredAt)) return null

  if (lane.state === 'disabled' && to !== 'disabled') resetHealth(lane, now)
  lane.state = to
  lane.stateReason = reason
  lane.stateChangedAt = now
  lane.heldSince = to === 'active' ? null : (lane.heldSince ?? now)
  lanes.refresh(lane)
  await lanes.flush()
  const version = await nextVersion(db, row.tenantKey)
  await db.run('UPDATE {endpoint} SET version = $1, updated_at = $2 WHERE key = $3', version, now, row.key)
  const changed = await findEndpoint(db, { id, tenant })
  return changed === undefined ? null : endpointOf(changed)
}

/** As if it had just succeeded: neither a verdict about what was before nor a rest asked for then applies any more. */
function resetHealth(lane: Lane, now: number): void {
  lane.failingSince = null
  lane.failures = 0
  lane.recoveredAt = now
  lane.lastFailureAt = null
  lane.struggling = false
  lane.warned = false
  lane.blockedUntil = 0
}
