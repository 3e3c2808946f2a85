import type { EventProgress } from '../../ports/storage.ts'
import { summaryOf } from './records.ts'
import type { Tables } from './tables.ts'

export function eventProgress(
  tables: Tables,
  { id, tenant }: { id: string; tenant: string | null },
): EventProgress | null {
  const event = tables.events.get(id)
  if (event === undefined || (tenant !== null && event.record.tenant !== tenant)) return null
  const counts = { open: 0, delivered: 0, failed: 0, canceled: 0 }
  for (const { state } of event.deliveries.values()) {
    counts[state === 'pending' || state === 'leased' ? 'open' : state] += 1
  }
  const { endpointsVersion, endpointIds, fanOutCursor } = event
  return {
    event: summaryOf(event),
    endpointIds: endpointIds === null ? null : [...endpointIds],
    endpointsVersion,
    fanningOut: fanOutCursor !== null,
    counts,
  }
}
