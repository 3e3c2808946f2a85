import type { EndpointRecord } from '../../model/endpoint.ts'
import type { NewEndpoint } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { endpointOf, findAnyEndpoint, SETTINGS_COLUMNS, settingsValues } from './endpoints.ts'
import { addTenant, findTenant, nextVersion } from './tenants.ts'

/** An id that is there already is a repeat of this very call: its answer is the endpoint as it is. */
export function createEndpoint(
  db: Connection,
  { endpoint, now }: { endpoint: NewEndpoint; now: number },
): EndpointRecord {
  const { id, tenant } = endpoint
  const existing = findAnyEndpoint(db, id)
  if (existing !== undefined) return endpointOf(existing)
  const { key: tenantKey } = findTenant(db, tenant) ?? addTenant(db, tenant)
  const version = nextVersion(db, tenantKey)
  const { key } = db.run(
    `INSERT INTO {endpoint} (id, tenant_key, created_version, version, url_version, created_at, updated_at,
      ${SETTINGS_COLUMNS})
    VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    tenantKey,
    version,
    version,
    now,
    now,
    ...settingsValues(endpoint),
  )
  db.run(
    `INSERT INTO {lane} (endpoint_key, tenant_key, state_changed_at, state) VALUES (?, ?, ?, 'active')`,
    key,
    tenantKey,
    now,
  )
  const created = findAnyEndpoint(db, id)
  if (created === undefined) throw new Error(`endpoint ${id} was not written`)
  return endpointOf(created)
}
