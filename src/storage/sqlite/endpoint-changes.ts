import type { EndpointChanges } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { ENDPOINT_COLUMNS, ENDPOINT_JOINED, type EndpointRow, endpointOf } from './endpoints.ts'
import { findTenant } from './tenants.ts'

/** Reading so many takes a few milliseconds. */
const PAGE = 250

export function endpointChanges(
  db: Connection,
  { tenant: name, since }: { tenant: string; since: number },
): EndpointChanges | null {
  const tenant = findTenant(db, name)
  if (tenant === undefined || tenant.version === since) return null
  const rows = db.all<EndpointRow & { version: number }>(
    `SELECT p.version, ${ENDPOINT_COLUMNS} FROM {endpoint} AS p INDEXED BY {endpoint_by_version} ${ENDPOINT_JOINED}
    WHERE p.tenant_key = ? AND p.version > ? ORDER BY p.version LIMIT ?`,
    tenant.key,
    since,
    PAGE + 1,
  )
  const more = rows.length > PAGE
  if (more) rows.pop()
  return {
    // Each change has a version of its own, so that none is cut off behind its page's last.
    version: more ? (rows.at(-1)?.version ?? since) : tenant.version,
    changed: rows.filter(({ deletedAt }) => deletedAt === null).map(endpointOf),
    deletedIds: rows.filter(({ deletedAt }) => deletedAt !== null).map(({ id }) => id),
    more,
  }
}
