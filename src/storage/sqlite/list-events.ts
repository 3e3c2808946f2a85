import type { EventSummary } from '../../model/event.ts'
import type { EventQuery, Page } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'
import { type Examined, startOf, takePage } from './page.ts'
import { findTenant } from './tenants.ts'

/** Only what belongs to the answer is read whole. */
export function listEvents(db: Connection, query: EventQuery): Page<EventSummary> {
  const tenantKey = query.tenant === null ? null : findTenant(db, query.tenant)?.key
  if (tenantKey === undefined) return { items: [], next: null }
  const [index, where] =
    tenantKey === null ? ['event_by_creation', ''] : ['event_by_tenant', 'e.tenant_key = @tenantKey AND']
  const { at, key } = startOf(query.after, query.until)
  const rows = db.iterate<Examined>(
    `SELECT e.key, e.created_at AS createdAt, @type IS NULL OR e.type = @type AS matches
    FROM {event} AS e INDEXED BY {${index}}
    WHERE ${where} (e.created_at, e.key) < (@at, @key) AND e.created_at >= @since
    ORDER BY e.created_at DESC, e.key DESC`,
    { tenantKey, type: query.type, at, key, since: query.since ?? 0 },
  )
  const { items, next } = takePage(rows, query, ({ key }) => key)
  return { items: items.flatMap((key) => summaryOf(db, key) ?? []), next }
}

function summaryOf(db: Connection, key: number): EventSummary | undefined {
  const row = db.get<EventRow>(
    `SELECT e.created_at AS createdAt, ${EVENT_COLUMNS} FROM {event} AS e CROSS JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.key = ?`,
    key,
  )
  return row && eventOf(row)
}
