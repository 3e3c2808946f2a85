import type { DeliveryRecord } from '../../model/delivery.ts'
import type { Connection } from './connection.ts'
import { DELIVERY_COLUMNS, type DeliveryRow, deliveryOf } from './deliveries.ts'
import { JOINED } from './scan.ts'

/** By their pairs, however many deliveries the event has. */
export async function deliveriesOf(
  db: Connection,
  { eventId, endpointIds }: { eventId: string; endpointIds: string[] },
): Promise<DeliveryRecord[]> {
  const rows = await db.all<DeliveryRow>(
    `SELECT d.key, d.created_at AS "createdAt", ${DELIVERY_COLUMNS}
    FROM (SELECT key FROM {endpoint} WHERE id = ANY($2::text[]) OFFSET 0) AS i CROSS JOIN LATERAL (
      SELECT * FROM {delivery}
      WHERE event_key = (SELECT key FROM {event} WHERE id = $1) AND endpoint_key = i.key OFFSET 0) AS d ${JOINED}`,
    eventId,
    endpointIds,
  )
  return rows.map(deliveryOf)
}
