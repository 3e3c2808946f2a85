import type { EndpointRecord, EndpointSettings } from '../../model/endpoint.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findEndpoint, SETTINGS_COLUMNS, settingsValues } from './endpoints.ts'
import { nextVersion } from './tenants.ts'

interface Update {
  id: string
  tenant: string | null
  settings: Partial<EndpointSettings>
  now: number
}

export function updateEndpoint(db: Connection, { id, tenant, settings, now }: Update): EndpointRecord | null {
  const row = findEndpoint(db, { id, tenant })
  if (row === undefined) return null
  const before = endpointOf(row)
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
