import type { DeliveryRecord } from '../../model/delivery.ts'
import { findDelivery } from './find-delivery.ts'
import { deliveryRecord } from './records.ts'
import type { Tables } from './tables.ts'

export function getDelivery(
  tables: Tables,
  { id, tenant }: { id: string; tenant: string | null },
): DeliveryRecord | null {
  const row = findDelivery(tables, id)
  if (row === undefined || (tenant !== null && row.event.record.tenant !== tenant)) return null
  return deliveryRecord(row)
}
