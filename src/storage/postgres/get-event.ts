import type { EventRecord } from '../../model/event.ts'
import type { Connection } from './connection.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'

export async function getEvent(
  db: Connection,
  { id, tenant }: { id: string; tenant: string | null },
): Promise<EventRecord | null> {
  const row = await db.get<EventRow & { body: Uint8Array }>(
    `SELECT e.created_at AS "createdAt", ${EVENT_COLUMNS}, e.body FROM {event} AS e WHERE e.id = $1`,
    id,
  )
  if (row === undefined || (tenant !== null && row.tenant !== tenant)) return null
  return { ...eventOf(row), body: row.body }
}
