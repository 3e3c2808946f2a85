import type { MissedEvents, MissedEventsQuery } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { type Examined, startUp, takePage } from './page.ts'
import { findTenant } from './tenants.ts'

interface MissedRow extends Examined {
  id: string
  type: string
  endpointIds: string | null
}

/** Of the endpoint's tenant, not canceled, and without a delivery for it. */
const MATCHES = `
  e.tenant_key = @tenantKey AND e.key <= @boundKey AND e.canceled_at IS NULL AND (@type IS NULL OR e.type = @type)
  AND NOT EXISTS (SELECT 1 FROM {delivery} WHERE event_key = e.key AND endpoint_key = @endpointKey)`

export function missedEvents(db: Connection, query: MissedEventsQuery): MissedEvents {
  const { selection, after, bound } = query
  const endpoint = endpointOf(db, selection.endpointId, selection.tenant)
  if (endpoint === undefined) return { events: [], next: null }
  const { since = 0, until = Number.MAX_SAFE_INTEGER, eventId = null, type = null } = selection
  const [from, where] =
    eventId === null
      ? ['{event} AS e INDEXED BY {event_by_tenant}', 'e.tenant_key = @tenantKey']
      : ['{event} AS e', 'e.id = @eventId']
  const rows = db.iterate<MissedRow>(
    `SELECT e.key, e.created_at AS createdAt, ${MATCHES} AS matches, e.id, e.type, e.endpoint_ids AS endpointIds
    FROM ${from} WHERE ${where} AND (e.created_at, e.key) > (@at, @key) AND e.created_at <= @boundAt
    ORDER BY e.created_at, e.key`,
    {
      ...endpoint,
      ...startUp(after, since),
      boundAt: Math.min(bound?.at ?? until, until - 1),
      boundKey: bound?.key ?? Number.MAX_SAFE_INTEGER,
      eventId,
      type,
    },
  )
  const { items, next } = takePage(rows, query, ({ id, type, endpointIds }) => ({
    id,
    type,
    endpointIds: endpointIds === null ? null : (JSON.parse(endpointIds) as string[]),
  }))
  return { events: items, next }
}

/** Undefined: there is none, it is deleted, or of another tenant than the one selected. */
function endpointOf(
  db: Connection,
  id = '',
  tenant: string | undefined,
): { endpointKey: number; tenantKey: number } | undefined {
  const endpoint = db.get<{ endpointKey: number; tenantKey: number }>(
    'SELECT key AS endpointKey, tenant_key AS tenantKey FROM {endpoint} WHERE id = ? AND deleted_at IS NULL',
    id,
  )
  if (tenant === undefined || endpoint === undefined) return endpoint
  return findTenant(db, tenant)?.key === endpoint.tenantKey ? endpoint : undefined
}
