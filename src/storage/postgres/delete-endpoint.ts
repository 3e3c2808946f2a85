import type { Connection } from './connection.ts'
import { findEndpoint } from './endpoints.ts'
import { Lanes } from './lanes.ts'
import { lockTenantOf, nextVersion } from './tenants.ts'

/** Headers go with the secrets: customers put tokens there. The row stays, for the deliveries that name it. */
export async function deleteEndpoint(
  db: Connection,
  { id, tenant, now }: { id: string; tenant: string | null; now: number },
): Promise<boolean> {
  await lockTenantOf(db, id)
  const row = await findEndpoint(db, { id, tenant })
  if (row === undefined) return false
  await db.run(
    `UPDATE {endpoint} SET deleted_at = $1, updated_at = $1, version = $2, headers = NULL, secrets = '[]' WHERE key = $3`,
    now,
    await nextVersion(db, row.tenantKey),
    row.key,
  )
  const lanes = new Lanes(db, now)
  await lanes.lock([id])
  const lane = lanes.find(id)
  if (lane !== undefined) {
    lane.deleted = true
    lanes.refresh(lane)
  }
  await lanes.flush()
  return true
}
