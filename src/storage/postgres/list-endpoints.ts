import type { EndpointRecord } from '../../model/endpoint.ts'
import type { EndpointQuery, Page } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { ENDPOINT_COLUMNS, ENDPOINT_JOINED, type EndpointRow, endpointOf } from './endpoints.ts'
import { type Examined, firstChunk, inChunks, startOf, takePage } from './page.ts'
import { findTenant } from './tenants.ts'

export async function listEndpoints(db: Connection, query: EndpointQuery): Promise<Page<EndpointRecord>> {
  const tenantKey = query.tenant === null ? null : (await findTenant(db, query.tenant))?.key
  if (tenantKey === undefined) return { items: [], next: null }
  const [where, values] = tenantKey === null ? ['', []] : ['tenant_key = $6 AND', [tenantKey]]
  const sql = `
    SELECT ($1::text[] IS NULL OR l.state = ANY($1)) AND ($5::bigint IS NULL OR p.updated_at >= $5) AS matches,
      ${ENDPOINT_COLUMNS}
    FROM (
      SELECT * FROM {endpoint} WHERE ${where} deleted_at IS NULL AND (created_at, key) < ($2, $3)
      ORDER BY created_at DESC, key DESC LIMIT $4) AS p ${ENDPOINT_JOINED}
    ORDER BY p.created_at DESC, p.key DESC`
  const rows = inChunks<EndpointRow & Examined>(startOf(query.after, null), firstChunk(query), ({ at, key }, size) => {
    return db.all(sql, query.states, at, key, size, query.changedSince, ...values)
  })
  return takePage(rows, query, endpointOf)
}
