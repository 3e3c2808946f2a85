import type { DeliveryRecord } from '../../model/delivery.ts'
import { deliveryKey } from '../../model/ids.ts'
import type { Connection } from './connection.ts'
import { findDelivery } from './deliveries.ts'

export async function getDelivery(
  db: Connection,
  { id, tenant }: { id: string; tenant: string | null },
): Promise<DeliveryRecord | null> {
  const key = deliveryKey(id)
  const delivery = key === null ? null : await findDelivery(db, key)
  return delivery !== null && (tenant === null || delivery.tenant === tenant) ? delivery : null
}
