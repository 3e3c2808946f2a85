import { change, findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

export function deleteEndpoint(
  tables: Tables,
  { now, ...which }: { id: string; tenant: string | null; now: number },
): boolean {
  const row = findEndpoint(tables, which)
  if (row === undefined) return false
  change(row, { secrets: [], updatedAt: now })
  row.deleted = true
  row.lane.heldSince ??= now
  return true
}
