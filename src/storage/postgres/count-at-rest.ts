import type { DeliveryState } from '../../model/delivery.ts'
import type { Selection } from '../../model/replay.ts'
import type { Page, PageInput } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { type Examined, startOf, takePage } from './page.ts'
import { scanDown } from './scan.ts'

export const AT_REST: readonly DeliveryState[] = ['delivered', 'failed', 'canceled']

/** `limit` says nothing here: no item is returned. */
export async function countAtRest(
  db: Connection,
  { selection, examine, after }: { selection: Selection } & PageInput,
): Promise<Page<never> & { count: number }> {
  const from = startOf(after, selection.until)
  const rows = scanDown<Examined>(db, { selection, among: AT_REST, columns: 'NULL', from, first: examine + 1 })
  const { items, next } = await takePage(rows, { limit: examine, examine, after }, () => null)
  return { items: [], next, count: items.length }
}
