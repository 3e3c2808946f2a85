import type { EventRecord } from '../../model/event.ts'
import type { Tables } from './tables.ts'

export function getEvent(tables: Tables, { id, tenant }: { id: string; tenant: string | null }): EventRecord | null {
  const row = tables.events.get(id)
  if (row === undefined || (tenant !== null && row.record.tenant !== tenant)) return null
  return { ...row.record }
}
