import { isDeepStrictEqual } from 'node:util'
import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointUpdate } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findEndpoint, SETTINGS_COLUMNS, settingsValues } from './endpoints.ts'
import { lockTenantOf, nextVersion } from './tenants.ts'

export async function updateEndpoint(
  db: Connection,
  { id, tenant, settings, guard = {}, now }: EndpointUpdate,
): Promise<EndpointRecord | 'conflict' | null> {
  await lockTenantOf(db, id)
  const row = await findEndpoint(db, { id, tenant })
  if (row === undefined) return null
  const before = endpointOf(row)
  if (!isDeepStrictEqual({ ...before, ...guard }, before)) return 'conflict'
  const after: EndpointRecord = {
    ...before,
    ...settings,
    urlVersion: settings.url === undefined || settings.url === before.url ? before.urlVersion : before.urlVersion + 1,
    updatedAt: now,
  }
  await db.run(
    `UPDATE {endpoint} SET (version, url_version, updated_at, ${SETTINGS_COLUMNS})
      = ($1, $2, $3, $5, $6, $7, $8, $9, $10, $11)
    WHERE key = $4`,
    await nextVersion(db, row.tenantKey),
    after.urlVersion,
    now,
    row.key,
    ...settingsValues(after),
  )
  return after
}
