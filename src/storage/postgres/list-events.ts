import type { EventSummary } from '../../model/event.ts'
import type { EventQuery, Page } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { EVENT_COLUMNS, type EventRow, eventOf } from './events.ts'
import { type Examined, firstChunk, inChunks, startOf, takePage } from './page.ts'

export function listEvents(db: Connection, query: EventQuery): Promise<Page<EventSummary>> {
  const [where, values] = query.tenant === null ? ['', []] : ['tenant = $6 AND', [query.tenant]]
  const sql = `
    SELECT e.key, e.created_at AS "createdAt", ($1::text IS NULL OR e.type = $1) AS matches, ${EVENT_COLUMNS}
    FROM (
      SELECT * FROM {event} WHERE ${where} (created_at, key) < ($2, $3) AND created_at >= $4
      ORDER BY created_at DESC, key DESC LIMIT $5) AS e
    ORDER BY e.created_at DESC, e.key DESC`
  const rows = inChunks<EventRow & Examined>(startOf(query.after, query.until), firstChunk(query), (from, size) => {
    return db.all(sql, query.type, from.at, from.key, query.since ?? 0, size, ...values)
  })
  return takePage(rows, query, eventOf)
}
