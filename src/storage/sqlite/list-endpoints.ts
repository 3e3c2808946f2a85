import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointQuery, Page } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { ENDPOINT_COLUMNS, ENDPOINT_JOINED, type EndpointRow, endpointOf } from './endpoints.ts'
import { type Examined, startOf, takePage } from './page.ts'
import { findTenant } from './tenants.ts'

export function listEndpoints(db: Connection, query: EndpointQuery): Page<EndpointRecord> {
  const tenantKey = query.tenant === null ? null : findTenant(db, query.tenant)?.key
  if (tenantKey === undefined) return { items: [], next: null }
  const [index, where] =
    tenantKey === null ? ['endpoint_by_creation', ''] : ['endpoint_by_tenant', 'p.tenant_key = @tenantKey AND']
  const rows = db.iterate<EndpointRow & Examined>(
    `SELECT (@states IS NULL OR l.state IN (SELECT value FROM json_each(@states)))
        AND (@changedSince IS NULL OR p.updated_at >= @changedSince) AS matches, ${ENDPOINT_COLUMNS}
    FROM {endpoint} AS p INDEXED BY {${index}} ${ENDPOINT_JOINED}
    WHERE ${where} p.deleted_at IS NULL AND (p.created_at, p.key) < (@at, @key)
    ORDER BY p.created_at DESC, p.key DESC`,
    {
      tenantKey,
      states: query.states && JSON.stringify(query.states),
      changedSince: query.changedSince,
      ...startOf(query.after, null),
    },
  )
  return takePage(rows, query, endpointOf)
}
