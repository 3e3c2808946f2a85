import { findEndpoint } from './endpoints.ts'
import type { Tables } from './tables.ts'

export function markWarned(tables: Tables, { id, failingSince }: { id: string; failingSince: number }): boolean {
  const row = findEndpoint(tables, { id, tenant: null })
  if (row === undefined || row.record.health.failingSince !== failingSince || row.record.health.warned) return false
  row.record = { ...row.record, health: { ...row.record.health, warned: true } }
  return true
}
