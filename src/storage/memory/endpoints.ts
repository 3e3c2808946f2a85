import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointRow, Tables, TenantRow } from './tables.ts'

/** Undefined also for the deleted, and for those of another tenant unless `tenant` is null. */
export function findEndpoint(
  tables: Tables,
  { id, tenant }: { id: string; tenant: string | null },
): EndpointRow | undefined {
  const row = tables.endpoints.get(id)
  if (row === undefined || row.deleted || (tenant !== null && row.record.tenant !== tenant)) return undefined
  return row
}

/** Counts one change of the tenant's set of endpoints. Returns the new version. */
export function nextVersion(tenant: TenantRow): number {
  tenant.version += 1
  return tenant.version
}

/** Writes a change that others must learn of. */
export function change(row: EndpointRow, changes: Partial<EndpointRecord>): void {
  row.record = { ...row.record, ...changes }
  row.version = nextVersion(row.tenant)
}

/** What is handed out: whoever changes it changes nothing here. */
export function copyOf({ record }: EndpointRow): EndpointRecord {
  return structuredClone(record)
}
