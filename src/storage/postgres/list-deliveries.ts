import type { DeliveryRecord } from '../../model/delivery.ts'
import type { DeliveryQuery, Page } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, deliveryOf } from './deliveries.ts'
import { type Examined, firstChunk, startOf, takePage } from './page.ts'
import { scanDown } from './scan.ts'

export function listDeliveries(db: Connection, query: DeliveryQuery): Promise<Page<DeliveryRecord>> {
  const { selection, after } = query
  const from = startOf(after, selection.until)
  const first = firstChunk(query)
  const rows = scanDown<DeliveryRow & Examined>(db, { selection, columns: DELIVERY_COLUMNS, from, first })
  return takePage(rows, query, deliveryOf)
}
