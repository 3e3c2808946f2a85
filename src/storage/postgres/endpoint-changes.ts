import type { EndpointChanges } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { ENDPOINT_COLUMNS, ENDPOINT_JOINED, type EndpointRow, endpointOf } from './endpoints.ts'
import { findTenant } from './tenants.ts'

export async function endpointChanges(
  db: Connection,
  { tenant: name, since }: { tenant: string; since: number },
): Promise<EndpointChanges | null> {
  const tenant = await findTenant(db, name)
  if (tenant === undefined || tenant.version === since) return null
  const rows = await db.all<EndpointRow>(
    `SELECT ${ENDPOINT_COLUMNS} FROM {endpoint} AS p ${ENDPOINT_JOINED}
    WHERE p.tenant_key = $1 AND p.version > $2 ORDER BY p.version`,
    tenant.key,
    since,
  )
  return {
    version: tenant.version,
    changed: rows.filter(({ deletedAt }) => deletedAt === null).map(endpointOf),
    deletedIds: rows.filter(({ deletedAt }) => deletedAt !== null).map(({ id }) => id),
  }
}
