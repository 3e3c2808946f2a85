import type { EndpointRecord } from '../../model/endpoint.ts'
import type { StateChange } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findEndpoint } from './endpoints.ts'
import { Lanes } from './lanes.ts'
import { nextVersion } from './tenants.ts'

export function changeEndpointState(db: Connection, change: StateChange): EndpointRecord | null {
  const { id, tenant, from, to, reason, now, guard } = change
  const row = findEndpoint(db, { id, tenant })
  if (row === undefined || !from.includes(row.state)) return null
  if (guard !== null && (guard.urlVersion !== row.urlVersion || guard.recoveredAt !== row.recoveredAt)) return null

  db.run(
    `UPDATE {lane} SET state = @to, state_reason = @reason, state_changed_at = @now,
      held_since = CASE WHEN @to = 'active' THEN NULL ELSE coalesce(held_since, @now) END
    WHERE endpoint_key = @key`,
    { to, reason, now, key: row.key },
  )
  if (row.state === 'disabled' && to !== 'disabled') resetHealth(db, row.key, now)
  const version = nextVersion(db, row.tenantKey)
  db.run('UPDATE {endpoint} SET version = ?, updated_at = ? WHERE key = ?', version, now, row.key)

  const lanes = new Lanes(db, now)
  const lane = lanes.find(id)
  if (lane !== undefined) lanes.refresh(lane)
  lanes.flush()
  const changed = findEndpoint(db, { id, tenant })
  return changed === undefined ? null : endpointOf(changed)
}

/** As if it had just succeeded: neither a verdict about what was before nor a rest asked for then applies any more. */
function resetHealth(db: Connection, endpointKey: number, now: number): void {
  db.run(
    `UPDATE {lane} SET failing_since = NULL, failures = 0, recovered_at = ?, last_failure_at = NULL, struggling = 0,
      warned = 0, blocked_until = 0 WHERE endpoint_key = ?`,
    now,
    endpointKey,
  )
}
