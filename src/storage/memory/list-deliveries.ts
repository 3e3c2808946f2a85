import type { DeliveryRecord } from '../../model/delivery.ts'
import type { DeliveryQuery, Page } from '../../ports/storage.ts'
import { deliveryRecord } from './records.ts'
import { scanDeliveries } from './scan-deliveries.ts'
import type { Tables } from './tables.ts'

export function listDeliveries(tables: Tables, query: DeliveryQuery): Page<DeliveryRecord> {
  return scanDeliveries(tables, query, () => true, deliveryRecord)
}
