import type { EndpointChanges } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { ENDPOINT_COLUMNS, ENDPOINT_JOINED, type EndpointRow, endpointOf } from './endpoints.ts'
import { findTenant } from './tenants.ts'

export function endpointChanges(
  db: Connection,
  { tenant: name, since }: { tenant: string; since: number },
): EndpointChanges | null {
  const tenant = findTenant(db, name)
  if (tenant === undefined || tenant.version === since) return null
  const rows = db.all<EndpointRow>(
    `SELECT ${ENDPOINT_COLUMNS} FROM {endpoint} AS p INDEXED BY {endpoint_by_version} ${ENDPOINT_JOINED}
    WHERE p.tenant_key = ? AND p.version > ? ORDER BY p.version`,
    tenant.key,
    since,
  )
  return {
    version: tenant.version,
    changed: rows.filter(({ deletedAt }) => deletedAt === null).map(endpointOf),
    deletedIds: rows.filter(({ deletedAt }) => deletedAt !== null).map(({ id }) => id),
  }
}
