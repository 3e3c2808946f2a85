import type { Selection } from '../../model/replay.ts'
import type { Page, PageInput } from '../../ports/storage.ts'
import { scanDeliveries } from './scan-deliveries.ts'
import { isAtRest } from './selection.ts'
import type { Tables } from './tables.ts'

/** `limit` says nothing here: no item is returned. */
export function countAtRest(
  tables: Tables,
  { selection, examine, after }: { selection: Selection } & PageInput,
): Page<never> & { count: number } {
  const page = scanDeliveries(tables, { selection, limit: examine, examine, after }, isAtRest, () => null)
  return { items: [], next: page.next, count: page.items.length }
}
