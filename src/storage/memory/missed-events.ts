import type { MissedEvent, MissedEvents, MissedEventsQuery } from '../../ports/storage.ts'
import type { EventRow, Tables } from './tables.ts'

export function missedEvents(tables: Tables, query: MissedEventsQuery): MissedEvents {
  const { selection, after, bound, limit, examine } = query
  const endpoint = tables.endpoints.get(selection.endpointId ?? '')
  const events: MissedEvent[] = []
  if (endpoint === undefined || endpoint.deleted) return { events, next: null }

  const isWanted = ({ record, deliveries }: EventRow) =>
    record.tenant === endpoint.record.tenant &&
    (selection.tenant === undefined || record.tenant === selection.tenant) &&
    (selection.eventId === undefined || record.id === selection.eventId) &&
    (selection.type === undefined || record.type === selection.type) &&
    (selection.since === undefined || record.createdAt >= selection.since) &&
    (selection.until === undefined || record.createdAt < selection.until) &&
    record.canceledAt === null &&
    !deliveries.has(endpoint.record.id)

  let examined = 0
  let next = after
  for (const row of tables.eventsByCreation.up(after)) {
    if (bound !== null && row.record.createdAt > bound.at) break
    if (events.length >= limit || examined >= examine) return { events, next }
    examined += 1
    next = { at: row.record.createdAt, key: row.key }
    if ((bound !== null && row.key > bound.key) || !isWanted(row)) continue
    const { record, endpointIds } = row
    events.push({ id: record.id, type: record.type, endpointIds: endpointIds === null ? null : [...endpointIds] })
  }
  return { events, next: null }
}
