import type { EventRecord } from '../../model/event.ts'
import type { Connection } from './connection.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'
import { bytesOf } from './rows.ts'

export function getEvent(db: Connection, { id, tenant }: { id: string; tenant: string | null }): EventRecord | null {
  const row = db.get<EventRow & { body: Uint8Array }>(
    `SELECT e.created_at AS createdAt, ${EVENT_COLUMNS}, e.body
    FROM {event} AS e CROSS JOIN {tenant} AS t ON t.key = e.tenant_key WHERE e.id = ?`,
    id,
  )
  if (row === undefined || (tenant !== null && row.tenant !== tenant)) return null
  return { ...eventOf(row), body: bytesOf(row.body) }
}
