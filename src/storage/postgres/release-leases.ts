import type { Lease } from '../../model/delivery.ts'
import { deliveryKey } from '../../model/ids.ts'
import { batchOf } from './batch.ts'
import type { Connection } from './connection.ts'
import { Lanes } from './lanes.ts'

const LEASES = batchOf<Lease>({
  key: ['bigint', ({ deliveryId }) => deliveryKey(deliveryId)],
  claim: ['integer', ({ claim }) => claim],
})

export async function releaseLeases(
  db: Connection,
  { now, worker, leases }: { now: number; worker: string; leases: Lease[] },
): Promise<void> {
  const lanes = new Lanes(db, now)
  await lanes.lock(leases.map(({ endpointId }) => endpointId))
  const rows = await db.all<{ ord: number; dueAt: number }>(
    `WITH held AS MATERIALIZED (
      SELECT d.key, i.ord FROM {delivery} AS d JOIN ${LEASES.from('i', 2)} ON i.key = d.key
      WHERE d.state = 1 AND d.claim = i.claim AND d.worker = $1 ORDER BY d.key FOR UPDATE OF d)
    UPDATE {delivery} AS d SET state = 0, claim = d.claim - 1, leased_at = NULL, lease_until = NULL, worker = NULL
    FROM held WHERE d.key = held.key RETURNING held.ord, d.due_at AS "dueAt"`,
    worker,
    ...LEASES.values(leases),
  )
  for (const { ord, dueAt } of rows) {
    const lane = lanes.find(leases[ord - 1]?.endpointId ?? '')
    if (lane !== undefined) lanes.enqueue(lane, dueAt)
  }
  await lanes.flush()
}
