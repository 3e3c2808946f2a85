import type { DeliveryRecord } from '../../model/delivery.ts'
import { deliveryRecord } from './records.ts'
import type { Tables } from './tables.ts'

export function deliveriesOf(
  tables: Tables,
  { eventId, endpointIds }: { eventId: string; endpointIds: string[] },
): DeliveryRecord[] {
  const deliveries = tables.events.get(eventId)?.deliveries
  return [...new Set(endpointIds)].flatMap((id) => {
    const row = deliveries?.get(id)
    return row === undefined ? [] : deliveryRecord(row)
  })
}
