import { isDeepStrictEqual } from 'node:util'
import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointUpdate } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findEndpoint, SETTINGS_COLUMNS, settingsValues } from './endpoints.ts'
import { nextVersion } from './tenants.ts'

export function updateEndpoint(db: Connection, update: EndpointUpdate): EndpointRecord | 'conflict' | null {
  const { id, tenant, settings, guard = {}, now } = update
  const row = findEndpoint(db, { id, tenant })
  if (row === undefined) return null
  const before = endpointOf(row)
  if (!isDeepStrictEqual({ ...before, ...guard }, before)) return 'conflict'
  const after: EndpointRecord = {
    ...before,
    ...settings,
    urlVersion: settings.url === undefined || settings.url === before.url ? before.urlVersion : before.urlVersion + 1,
    updatedAt: now,
  }
  db.run(
    `UPDATE {endpoint} SET (version, url_version, updated_at, ${SETTINGS_COLUMNS}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    WHERE key = ?`,
    nextVersion(db, row.tenantKey),
    after.urlVersion,
    now,
    ...settingsValues(after),
    row.key,
  )
  return after
}
