import type { EndpointChanges } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { ENDPOINT_COLUMNS, ENDPOINT_JOINED, type EndpointRow, endpointOf } from './endpoints.ts'
import { findTenant } from './tenants.ts'

/** Reading so many takes a few milliseconds. */
const PAGE = 250

export async function endpointChanges(
  db: Connection,
  { tenant: name, since }: { tenant: string; since: number },
): Promise<EndpointChanges | null> {
  const tenant = await findTenant(db, name)
  if (tenant === undefined || tenant.version === since) return null
  const rows = await db.all<EndpointRow & { version: number }>(
    `SELECT p.version, ${ENDPOINT_COLUMNS}
    FROM (
      SELECT * FROM {endpoint} WHERE tenant_key = $1 AND version > $2 ORDER BY version LIMIT $3) AS p ${ENDPOINT_JOINED}
    ORDER BY p.version`,
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
