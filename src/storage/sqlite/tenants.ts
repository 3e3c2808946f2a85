import type { Statements } from './statements.ts'

export interface Tenant {
  key: number
  version: number
}

export function findTenant(db: Statements, name: string): Tenant | undefined {
  return db.get<Tenant>('SELECT key, version FROM {tenant} WHERE name = ?', name)
}

export function addTenant(db: Statements, name: string): Tenant {
  return { key: db.run('INSERT INTO {tenant} (name) VALUES (?)', name).key, version: 0 }
}

/** Counts one change of the tenant's set of endpoints. Returns the new version. */
export function nextVersion(db: Statements, tenantKey: number): number {
  const row = db.get<{ version: number }>(
    'UPDATE {tenant} SET version = version + 1 WHERE key = ? RETURNING version',
    tenantKey,
  )
  if (row === undefined) throw new Error(`no tenant ${tenantKey}`)
  return row.version
}
