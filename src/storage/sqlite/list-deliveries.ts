import type { DeliveryRecord } from '../../model/delivery.ts'
import type { DeliveryQuery, Page } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { findDelivery } from './deliveries.ts'
import { type Examined, startOf, takePage } from './page.ts'
import { scanDown } from './scan.ts'

/** Only what belongs to the answer is read whole: most of what is looked at may not. */
export function listDeliveries(db: Connection, query: DeliveryQuery): Page<DeliveryRecord> {
  const { selection, after } = query
  const from = startOf(after, selection.until)
  const { items, next } = takePage(scanDown<Examined>(db, { selection, from }), query, ({ key }) => key)
  return { items: items.flatMap((key) => findDelivery(db, key) ?? []), next }
}
