import { deliveryKey } from '../../model/ids.ts'
import type { DeliveryRow, Tables } from './tables.ts'

export function findDelivery(tables: Tables, id: string): DeliveryRow | undefined {
  const key = deliveryKey(id)
  return key === null ? undefined : tables.deliveries.get(key)
}
