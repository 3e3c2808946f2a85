import type { EndpointChanges } from '../../ports/storage.ts'
import { copyOf } from './endpoints.ts'
import type { Tables } from './tables.ts'

export function endpointChanges(
  tables: Tables,
  { tenant, since }: { tenant: string; since: number },
): EndpointChanges | null {
  const version = tables.tenants.get(tenant)?.version ?? 0
  if (version === since) return null
  const rows = [...tables.endpoints.values()].filter((row) => row.tenant.name === tenant && row.version > since)
  return {
    version,
    changed: rows.filter(({ deleted }) => !deleted).map(copyOf),
    deletedIds: rows.filter(({ deleted }) => deleted).map(({ record }) => record.id),
    more: false,
  }
}
