import type { EndpointRecord } from '../../model/endpoint.ts'
import type { NewEndpoint } from '../../ports/storage.ts'
import { type Connection, Overtaken } from './connection.ts'
import { endpointOf, findAnyEndpoint, SETTINGS_COLUMNS, settingsValues } from './endpoints.ts'
import { findOrAddTenants, nextVersion } from './tenants.ts'

/** An id that is there already is a repeat of this very call: its answer is the endpoint as it is. */
export async function createEndpoint(
  db: Connection,
  { endpoint, now }: { endpoint: NewEndpoint; now: number },
): Promise<EndpointRecord> {
  const { id, tenant: name } = endpoint
  const existing = await findAnyEndpoint(db, id)
  if (existing !== undefined) return endpointOf(existing)
  const tenant = (await findOrAddTenants(db, new Set([name]))).get(name)
  if (tenant === undefined) throw new Error(`tenant ${name} was not written`)
  const version = await nextVersion(db, tenant.key)
  const row = await db.get<{ key: number }>(
    `INSERT INTO {endpoint} (id, tenant_key, created_version, version, url_version, created_at, updated_at,
      ${SETTINGS_COLUMNS})
    VALUES ($1, $2, $3, $3, 1, $4, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING RETURNING key`,
    id,
    tenant.key,
    version,
    now,
    ...settingsValues(endpoint),
  )
  if (row === undefined) throw new Overtaken(`another call has created endpoint ${id}`)
  await db.run(
    `INSERT INTO {lane} (endpoint_key, tenant_key, state_changed_at, state) VALUES ($1, $2, $3, 'active')`,
    row.key,
    tenant.key,
    now,
  )
  const created = await findAnyEndpoint(db, id)
  if (created === undefined) throw new Error(`endpoint ${id} was not written`)
  return endpointOf(created)
}
