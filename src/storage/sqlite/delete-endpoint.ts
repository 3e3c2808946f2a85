import type { Connection } from './connection.ts'
import { findEndpoint } from './endpoints.ts'
import { Lanes } from './lanes.ts'
import { nextVersion } from './tenants.ts'

/** Headers go with the secrets: customers put tokens there. The row stays, for the deliveries that name it. */
export function deleteEndpoint(
  db: Connection,
  { id, tenant, now }: { id: string; tenant: string | null; now: number },
): boolean {
  const row = findEndpoint(db, { id, tenant })
  if (row === undefined) return false
  db.run(
    `UPDATE {endpoint} SET deleted_at = @now, updated_at = @now, version = @version, headers = NULL, secrets = '[]' WHERE key = @key`,
    { now, version: nextVersion(db, row.tenantKey), key: row.key },
  )
  db.run('UPDATE {lane} SET deleted = 1 WHERE endpoint_key = ?', row.key)
  const lanes = new Lanes(db, now)
  const lane = lanes.find(id)
  if (lane !== undefined) lanes.refresh(lane)
  lanes.flush()
  return true
}
