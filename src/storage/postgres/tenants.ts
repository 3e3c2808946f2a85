import type { Connection } from './connection.ts'

/** Who has endpoints, or had. Events name their tenant, which need not have a row here. */
export interface Tenant {
  key: number
  version: number
}

export function findTenant(db: Connection, name: string): Promise<Tenant | undefined> {
  return db.get<Tenant>('SELECT key, version FROM {tenant} WHERE name = $1', name)
}

export async function findOrAddTenants(db: Connection, names: ReadonlySet<string>): Promise<Map<string, Tenant>> {
  const tenants = await findTenants(db, names)
  const missing = [...names].filter((name) => !tenants.has(name)).sort()
  if (missing.length === 0) return tenants
  await db.run(
    'INSERT INTO {tenant} (name) SELECT name FROM unnest($1::text[]) AS i(name) ON CONFLICT (name) DO NOTHING',
    missing,
  )
  const added = await findTenants(db, new Set(missing))
  await db.run(
    `INSERT INTO {line} (tenant_key) SELECT key FROM unnest($1::bigint[]) AS i(key)
    ORDER BY key ON CONFLICT (tenant_key) DO NOTHING`,
    [...added.values()].map(({ key }) => key),
  )
  return new Map([...tenants, ...added])
}

export async function findTenants(db: Connection, names: ReadonlySet<string>): Promise<Map<string, Tenant>> {
  const rows = await db.all<Tenant & { name: string }>(
    'SELECT name, key, version FROM {tenant} WHERE name = ANY($1::text[])',
    [...names],
  )
  return new Map(rows.map(({ name, key, version }) => [name, { key, version }]))
}

/**
 * Locks the set of endpoints against other changes of it, before an endpoint is read that is to be changed. Inserts of events
 * read the version and wait for nobody.
 */
export function lockTenantOf(db: Connection, endpointId: string): Promise<Tenant | undefined> {
  return db.get<Tenant>(
    `SELECT t.key, t.version FROM {endpoint} AS p JOIN {tenant} AS t ON t.key = p.tenant_key WHERE p.id = $1
    FOR UPDATE OF t`,
    endpointId,
  )
}

/** Counts one change of the tenant's set of endpoints. Returns the new version. */
export async function nextVersion(db: Connection, tenantKey: number): Promise<number> {
  const row = await db.get<{ version: number }>(
    'UPDATE {tenant} SET version = version + 1 WHERE key = $1 RETURNING version',
    tenantKey,
  )
  if (row === undefined) throw new Error(`no tenant ${tenantKey}`)
  return row.version
}
