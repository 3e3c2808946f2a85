import type { Count, CountInput } from '../../ports/storage.ts'
import { scanDeliveries } from './scan-deliveries.ts'
import { isAtRest } from './selection.ts'
import type { Tables } from './tables.ts'

export function countAtRest(tables: Tables, { examine, ...input }: CountInput): Count {
  const { items, next } = scanDeliveries(tables, { ...input, examine, limit: examine }, isAtRest, () => null)
  return { count: items.length, next }
}
