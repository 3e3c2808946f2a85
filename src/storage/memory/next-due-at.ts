import { readyAt } from './lanes.ts'
import type { Tables } from './tables.ts'

export function nextDueAt(tables: Tables): number | null {
  let next = Number.POSITIVE_INFINITY
  for (const endpoint of tables.endpoints.values()) next = Math.min(next, readyAt(endpoint))
  for (const { lease } of tables.leased) next = Math.min(next, lease?.until ?? next)
  return next === Number.POSITIVE_INFINITY ? null : next
}
