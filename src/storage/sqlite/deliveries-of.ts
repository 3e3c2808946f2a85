import type { DeliveryRecord } from '../../model/delivery.ts'
import type { Connection } from './connection.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, deliveryOf } from './deliveries.ts'

export function deliveriesOf(
  db: Connection,
  { eventId, endpointIds }: { eventId: string; endpointIds: string[] },
): DeliveryRecord[] {
  return db
    .all<DeliveryRow>(
      `SELECT d.key, d.created_at AS createdAt, ${DELIVERY_COLUMNS}
      FROM json_each(@ids) CROSS JOIN {endpoint} AS p ON p.id = json_each.value CROSS JOIN {event} AS e ON e.id = @eventId
        CROSS JOIN {delivery} AS d ON d.event_key = e.key AND d.endpoint_key = p.key
        CROSS JOIN {tenant} AS t ON t.key = d.tenant_key`,
      { eventId, ids: JSON.stringify([...new Set(endpointIds)]) },
    )
    .map(deliveryOf)
}
