import { WebhookError } from '../../errors.ts'
import type { Lease } from '../../model/delivery.ts'
import { deliveryId } from '../../model/ids.ts'
import type { NewDelivery } from '../../ports/storage.ts'
import type { Connection } from './connection.ts'
import type { Lanes } from './lanes.ts'

/** The event that a delivery belongs to. */
export interface Parent {
  key: number
  id: string
  tenant: string
  tenantKey: number
}

/** Writes one delivery, leased where that is wanted and its lane is idle. One that exists already is left as it is. */
export function insertDelivery(
  db: Connection,
  lanes: Lanes,
  event: Parent,
  { endpointId, dueAt, leaseUntil }: NewDelivery,
  { now, worker }: { now: number; worker: string | null },
): Lease | null {
  const lane = lanes.find(endpointId)
  if (lane === undefined) {
    throw new WebhookError(
      'endpoint_not_found',
      `There is no endpoint ${endpointId}: load the tenant's endpoints again.`,
    )
  }
  const leased = leaseUntil !== null && worker !== null && lanes.isIdle(lane, now)
  const { changes, key } = db.run(
    `INSERT INTO {delivery} (event_key, endpoint_key, tenant_key, state, claim, created_at, due_at,
      leased_at, lease_until, worker)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_key, endpoint_key) DO NOTHING`,
    event.key,
    lane.endpointKey,
    event.tenantKey,
    leased ? 1 : 0,
    leased ? 1 : 0,
    now,
    dueAt,
    leased ? now : null,
    leased ? leaseUntil : null,
    leased ? worker : null,
  )
  if (changes === 0) return null
  if (!leased) {
    lanes.enqueue(lane, dueAt)
    return null
  }
  return {
    deliveryId: deliveryId(key),
    eventId: event.id,
    endpointId,
    tenant: event.tenant,
    claim: 1,
    round: 1,
    step: 0,
    lost: 0,
    leasedAt: now,
    until: leaseUntil,
  }
}
