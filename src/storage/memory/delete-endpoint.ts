import { change, findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

/** Headers go with the secrets: customers put tokens there. The row stays, for the deliveries that name it. */
export function deleteEndpoint(
  tables: Tables,
  { now, ...which }: { id: string; tenant: string | null; now: number },
): boolean {
  const row = findEndpoint(tables, which)
  if (row === undefined) return false
  change(row, { secrets: [], headers: {}, updatedAt: now })
  row.deleted = true
  row.lane.heldSince ??= now
  return true
}
