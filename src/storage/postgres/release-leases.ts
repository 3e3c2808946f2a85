import type { Lease } from '../../model/delivery.ts'
import { deliveryKey } from '../../model/ids.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'
import { promote } from './turns.ts'

const LEASES = batchOf<Lease>({
  key: ['bigint', ({ deliveryId }) => deliveryKey(deliveryId)],
  claim: ['integer', ({ claim }) => claim],
})

interface ReleasedRow {
  ord: number
  /** Its event was canceled while it was leased. */
  canceled: boolean
  dueAt: number
  endpointKey: number
  orderingKey: string | null
}

export async function releaseLeases(
  db: Connection,
  { now, worker, leases }: { now: number; worker: string; leases: Lease[] },
): Promise<void> {
  const lanes = new Lanes(db, now)
  await lanes.lock(leases.map(({ endpointId }) => endpointId))
  const rows = await db.all<ReleasedRow>(
    `WITH held AS MATERIALIZED (
      SELECT d.key, i.ord, d.reason IS NOT DISTINCT FROM 'event_canceled' AS canceled
      FROM {delivery} AS d JOIN ${LEASES.from('i', 3)} ON i.key = d.key
      WHERE d.state = 1 AND d.claim = i.claim AND d.worker = $1 ORDER BY d.key FOR UPDATE OF d)
    UPDATE {delivery} AS d SET state = CASE WHEN held.canceled THEN 4 ELSE 0 END,
      ended_at = CASE WHEN held.canceled THEN $2::bigint END,
      claim = d.claim - 1, leased_at = NULL, lease_until = NULL, worker = NULL
    FROM held WHERE d.key = held.key
    RETURNING held.ord, held.canceled, d.due_at AS "dueAt", d.endpoint_key AS "endpointKey",
      d.ordering_key AS "orderingKey"`,
    worker,
    now,
    ...LEASES.values(leases),
  )
  const turns = rows.flatMap(({ canceled, endpointKey, orderingKey }) =>
    canceled && orderingKey !== null ? [{ endpointKey, orderingKey }] : [],
  )
  await promote(db, turns, null)
  for (const { ord, canceled, dueAt } of rows) {
    const lane = lanes.find(leases[ord - 1]?.endpointId ?? '')
    if (lane === undefined) continue
    if (canceled) lanes.refresh(lane)
    else lanes.enqueue(lane, dueAt)
  }
  await lanes.flush()
}
